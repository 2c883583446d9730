import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitShellWords } from "../../src/settings/shlex.ts";
import { readVectors } from "./vectors.ts";

interface Vector {
  readonly given: string;
  readonly value?: readonly string[];
  readonly error?: string;
}

test("lines are split as Python's shlex splits them", () => {
  for (const { given, value, error } of readVectors<readonly Vector[]>("shell-words")) {
    if (value === undefined) assert.throws(() => splitShellWords(given), { message: error }, JSON.stringify(given));
    else assert.deepEqual(splitShellWords(given), value, JSON.stringify(given));
  }
});

test("words in single quotes come back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", `'"'"'`)}'`).join(" ");
      assert.deepEqual(splitShellWords(line), words);
    }),
  );
});
