import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientPace } from "../../src/gateway/client-pace.ts";

const LIMIT_MS = 10_000;
/** 500 bytes for each of its seconds. */
const QUOTA_BYTES = 5_000;

test("a client that moves nothing is too slow when the limit is over, not before", () => {
  const pace = new ClientPace(100, 7);
  assert.equal(pace.isTooSlow(100 + LIMIT_MS - 1, 7, LIMIT_MS), false);
  assert.equal(pace.isTooSlow(100 + LIMIT_MS, 7, LIMIT_MS), true);
});

for (const { name, bytesPerS, tooSlowAfterS } of [
  { name: "a byte a second", bytesPerS: 1, tooSlowAfterS: 10 },
  { name: "just below the least rate", bytesPerS: 499, tooSlowAfterS: 10 },
  { name: "the least rate", bytesPerS: 500, tooSlowAfterS: undefined },
  { name: "fast", bytesPerS: 1e6, tooSlowAfterS: undefined },
]) {
  test(`${name}: ${tooSlowAfterS === undefined ? "never too slow" : "too slow"}`, () => {
    const pace = new ClientPace(0, 0);
    const struck = Array.from({ length: 100 }, (_, i) => i + 1).find((s) => pace.isTooSlow(s * 1000, s * bytesPerS, LIMIT_MS));
    assert.equal(struck, tooSlowAfterS);
  });
}

test("what was fast once must not stop for good", () => {
  const pace = new ClientPace(0, 0);
  assert.equal(pace.isTooSlow(9_000, 1e9, LIMIT_MS), false);
  assert.equal(pace.isTooSlow(18_999, 1e9, LIMIT_MS), false);
  assert.equal(pace.isTooSlow(19_000, 1e9 + QUOTA_BYTES - 1, LIMIT_MS), true);
});

test("after a restart the whole limit counts again", () => {
  const pace = new ClientPace(0, 0);
  pace.restart(9_999, 50);
  assert.equal(pace.isTooSlow(19_998, 50, LIMIT_MS), false);
  assert.equal(pace.isTooSlow(19_999, 50, LIMIT_MS), true);
});

test("without a limit nobody is too slow", () => {
  assert.equal(new ClientPace(0, 0).isTooSlow(1e12, 0, Number.POSITIVE_INFINITY), false);
});
