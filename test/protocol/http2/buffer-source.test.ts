import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferSource } from "../../../src/protocol/http2/buffer-source.ts";

test("bytes in order, as many as asked for, then none", () => {
  const source = new BufferSource(Buffer.from("abcde"));
  assert.deepEqual([source.read(2).latin1Slice(), source.size], ["ab", 3]);
  assert.deepEqual([source.read(100).latin1Slice(), source.size], ["cde", 0]);
});
