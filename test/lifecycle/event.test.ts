import assert from "node:assert/strict";
import { test } from "node:test";
import { masterSignal } from "../../src/lifecycle/event.ts";

for (const [name, expected] of [
  ["SIGTERM", "term"],
  ["TERM", "term"],
  ["SIGWINCH", "winch"],
  ["USR2", "usr2"],
  ["SIGSEGV", undefined],
  ["", undefined],
] as const) {
  test(`masterSignal of ${JSON.stringify(name)}`, () => assert.equal(masterSignal(name), expected));
}
