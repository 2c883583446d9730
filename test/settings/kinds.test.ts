import assert from "node:assert/strict";
import { test } from "node:test";
import { type Plain, type PyValue, pythonValue, repr } from "../../src/base/python-repr.ts";
import type { Setting } from "../../src/settings/setting.ts";
import { ENTRIES, type SettingName } from "../../src/settings/table.ts";
import { machine } from "./machine.ts";
import { readVectors } from "./vectors.ts";

interface Vector {
  readonly name: SettingName;
  readonly given: PyValue;
  readonly value?: PyValue;
  readonly error?: string;
}

const entries = new Map<SettingName, Setting<unknown>>(ENTRIES);
/** The vectors were recorded by this user. */
const { uid, gid } = readVectors<{ readonly uid: number; readonly gid: number }>("layers");
const surroundings = machine({ uid, gid });

/** Checks one value and prints the result as Python would hold it. */
function check(name: SettingName, given: PyValue, warn: (line: string) => void = () => {}): string {
  const { kind } = entries.get(name)!;
  const value = kind.check(given, { surroundings, warn });
  return repr(pythonValue(kind.toPython === undefined ? (value as Plain) : kind.toPython(value)));
}

function groupByName(vectors: readonly Vector[]): Map<SettingName, Vector[]> {
  const groups = new Map<SettingName, Vector[]>();
  for (const vector of vectors) groups.set(vector.name, [...(groups.get(vector.name) ?? []), vector]);
  return groups;
}

for (const [name, vectors] of groupByName(readVectors("validators"))) {
  test(`${name} takes and refuses what Gunicorn takes and refuses (${vectors.length} values)`, () => {
    for (const { given, value, error } of vectors) {
      const label = `${name} = ${repr(given)}`;
      if (value === undefined) assert.throws(() => check(name, given), { name: "InvalidValue", message: error }, label);
      else assert.equal(check(name, given), repr(value), label);
    }
  });
}

const text = (v: string): PyValue => ({ t: "str", v });

const OUR_WAY: readonly { name: SettingName; given: PyValue; error: string }[] = [
  { name: "bind", given: { t: "list", v: [{ t: "none" }] }, error: "Not a string: None" },
  { name: "timeout", given: text("9007199254740992"), error: "Value must be at most 9007199254740991: 9007199254740992" },
  { name: "gateways", given: text("0"), error: "Value must be at least 1: 0" },
];

for (const { name, given, error } of OUR_WAY) {
  test(`${name} refuses ${repr(given)}, unlike Gunicorn`, () => assert.throws(() => check(name, given), { message: error }));
}
