import assert from "node:assert/strict";
import { test } from "node:test";
import { OUTPUT_BUFFER_BYTES, OutputPool } from "../../../src/protocol/http2/output-pool.ts";

test("a buffer that was given back is used again", () => {
  const pool = new OutputPool();
  const buffer = pool.take();
  assert.equal(buffer.length, OUTPUT_BUFFER_BYTES);
  assert.notEqual(pool.take(), buffer);
  pool.giveBack(buffer);
  assert.equal(pool.take(), buffer);
});

test("what lies idle is bounded", () => {
  const pool = new OutputPool();
  const buffers = Array.from({ length: 100 }, () => pool.take());
  for (const buffer of buffers) pool.giveBack(buffer);
  const again = new Set(Array.from({ length: 100 }, () => pool.take()));
  assert.equal(buffers.filter((buffer) => again.has(buffer)).length, 64);
});
