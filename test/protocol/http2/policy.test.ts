import assert from "node:assert/strict";
import { test } from "node:test";
import { policy } from "./harness.ts";

test("a list of fields without a limit has Gunicorn's", () => {
  assert.equal(policy({ maxHeaderListSize: 0 }).headerListBytesMax, 65536);
  assert.equal(policy({ maxHeaderListSize: 1000 }).headerListBytesMax, 1000);
});

test("the connection's window is never smaller than a stream's", () => {
  assert.equal(policy({ initialWindowSize: 10 }).connectionWindow, 1 << 20);
  assert.equal(policy({ initialWindowSize: 2 ** 31 - 1 }).connectionWindow, 2 ** 31 - 1);
});
