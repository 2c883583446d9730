import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidValue } from "../../src/settings/kind.ts";

test("a refused value is told apart from errors of ours by its name", () => {
  const error = new InvalidValue("Value must be positive: -1");
  assert.ok(error instanceof Error);
  assert.equal(String(error), "InvalidValue: Value must be positive: -1");
});
