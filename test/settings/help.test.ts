import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHelp, type HelpEntry, wrap } from "../../src/settings/help.ts";
import { readVectors } from "./vectors.ts";

interface Vector {
  readonly columns: number;
  readonly entries: readonly HelpEntry[];
  readonly output: string;
}

for (const { columns, entries, output } of readVectors<readonly Vector[]>("help")) {
  test(`Gunicorn's own help, ${columns} columns wide, has argparse's layout`, () => {
    assert.equal(formatHelp("usage: gunicorn [OPTIONS] [APP_MODULE]", entries, columns), output);
  });
}

test("wrapping loses nothing but spaces and keeps to the width", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "b", "-", " ", ".", "_") }), fc.integer({ min: 1, max: 30 }), (text, width) => {
      const lines = wrap(text, width);
      assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      assert.ok(lines.every((line) => line.length <= width && line !== ""));
    }),
  );
});
