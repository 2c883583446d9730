import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadCharacter } from "../../src/gateway/load-character.ts";

test("many short requests are bulk, few are not", () => {
  const load = new LoadCharacter(0);
  assert.equal(load.judge(250, 249, false), false);
  assert.equal(load.judge(500, 250, false), true);
  assert.equal(load.judge(750, 0, false), false);
});

test("a long request makes the load mixed at once, and for three seconds", () => {
  const load = new LoadCharacter(0);
  assert.equal(load.judge(250, 5000, false), true);
  assert.equal(load.judge(500, 5000, true), false);
  assert.equal(load.judge(3499, 50_000, false), false);
  assert.equal(load.judge(3500, 5000, false), true);
});

test("two calls at the same moment divide by no zero", () => {
  const load = new LoadCharacter(10);
  assert.equal(load.judge(10, 5, false), true);
});
