import assert from "node:assert/strict";
import { test } from "node:test";
import { countFailure, forgetFailures, noBackOff } from "../../src/lifecycle/back-off.ts";

test("each failure doubles the wait, from 0.1 s up to 5 s", () => {
  const backOff = noBackOff();
  const waits: number[] = [];
  for (let count = 0, nowMs = 0; count < 9; count += 1) {
    waits.push(countFailure(backOff, nowMs, nowMs));
    nowMs = backOff.notBeforeMs;
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

test("attempts that were under way together count as one failure, and wait together", () => {
  const backOff = noBackOff();
  assert.equal(countFailure(backOff, 0, 50), 100);
  assert.equal(countFailure(backOff, 0, 60), 90);
  assert.equal(backOff.failures, 1);
});

test("a forgotten row begins again with the shortest wait", () => {
  const backOff = noBackOff();
  countFailure(backOff, 0, 0);
  countFailure(backOff, 100, 100);
  forgetFailures(backOff);
  assert.deepEqual(backOff, noBackOff());
  assert.equal(countFailure(backOff, 300, 300), 100);
});
