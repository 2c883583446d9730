import assert from "node:assert/strict";
import { test } from "node:test";
import { exitWithError } from "../../src/settings/exit.ts";

test("an error stands on standard error behind an empty line, with status 1", () => {
  assert.deepEqual(exitWithError("no"), { at: "exit", stdout: "", stderr: "\nError: no\n", status: 1 });
  assert.equal(exitWithError("no", "Warning: x\n").stderr, "Warning: x\n\nError: no\n");
});
