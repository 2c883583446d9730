import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit } from "../../../src/protocol/http2/rate-limit.ts";

test("a full bucket's tokens at once, then as many as time brings", () => {
  const limit = new RateLimit(3, 10);
  assert.deepEqual([limit.take(0), limit.take(0), limit.take(0), limit.take(0)], [true, true, true, false]);
  assert.equal(limit.take(99), false);
  assert.equal(limit.take(100), true);
  assert.equal(limit.take(100), false);
  assert.deepEqual([limit.take(1e9), limit.take(1e9), limit.take(1e9), limit.take(1e9)], [true, true, true, false]);
});

test("tokens can be earned, up to a full bucket", () => {
  const limit = new RateLimit(2, 1);
  limit.take(5);
  limit.take(5);
  limit.earn(0.5);
  assert.equal(limit.take(5), false);
  limit.earn(0.5);
  assert.equal(limit.take(5), true);
  limit.earn(100);
  assert.deepEqual([limit.take(5), limit.take(5), limit.take(5)], [true, true, false]);
});
