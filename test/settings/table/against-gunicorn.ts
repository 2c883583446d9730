import assert from "node:assert/strict";
import { test } from "node:test";
import { type PyValue, pythonValue, repr } from "../../../src/base/python-repr.ts";
import type { OptionAction, Setting } from "../../../src/settings/setting.ts";
import { machine } from "../machine.ts";
import { readVectors } from "../vectors.ts";

/** One setting as Gunicorn declares it. */
export interface Recorded {
  readonly name: string;
  readonly section: string;
  readonly flags: readonly string[];
  readonly metavar: string | null;
  readonly action: string | null;
  readonly nargs: string | null;
  readonly argumentType: string | null;
  readonly default: PyValue;
}

export const recorded = readVectors<readonly Recorded[]>("table");

/** Recorded as the user and in the directory `/`; these are the machine's. */
const MACHINE_DEFAULTS = ["user", "group"];
/** Names of files that are our own, with Gunicorn's (docs/differences.md). */
const OUR_FILES: readonly (readonly [string, string])[] = [["tunicorn.ctl", "gunicorn.ctl"]];
const ACTIONS: Readonly<Record<OptionAction, string | null>> = {
  store: null,
  store_optional: null,
  append: "append",
  store_true: "store_true",
  store_false: "store_const",
};

/** Makes a test for each entry: section, options and default are Gunicorn's. */
export function testAgainstGunicorn(entries: Readonly<Record<string, Setting<unknown>>>): void {
  for (const [name, entry] of Object.entries(entries)) {
    test(`${name} has Gunicorn's section, options and default`, () => {
      const expected = recorded.find((candidate) => candidate.name === name);
      assert.ok(expected !== undefined, "Gunicorn has no such setting");
      assert.equal(entry.section, expected.section);
      assert.deepEqual(entry.flags, expected.flags);
      assert.equal(ACTIONS[entry.action ?? "store"], expected.action);
      assert.equal(entry.action === "store_optional" ? "?" : null, expected.nargs);
      if (entry.flags.length > 0) {
        // `metavar` of options without a value is never shown.
        if (expected.action === null || expected.action === "append") {
          assert.equal(entry.metavar ?? name.toUpperCase(), expected.metavar ?? name.toUpperCase());
        }
        if (expected.action === null) assert.equal(entry.kind.argumentType, expected.argumentType ?? "str");
      }
      const value = pythonValue(entry.surroundingDefault?.(machine())?.value ?? entry.default);
      if (value.t === "object") assert.equal(value.name, expected.default.t === "object" ? expected.default.name : "");
      else if (!MACHINE_DEFAULTS.includes(name)) assert.equal(withGunicornsFiles(repr(value)), repr(expected.default));
    });
  }
}

/** A text of ours as it would be if our files had Gunicorn's names. */
export function withGunicornsFiles(text: string): string {
  return OUR_FILES.reduce((changed, [ours, theirs]) => changed.replaceAll(`/${ours}`, `/${theirs}`), text);
}
