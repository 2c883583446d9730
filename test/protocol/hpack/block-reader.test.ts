import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockReader } from "../../../src/protocol/hpack/block-reader.ts";

function reader(hex: string): BlockReader {
  const bytes = Buffer.from(hex, "hex");
  return new BlockReader(bytes, 0, bytes.length);
}

test("integers of RFC 7541 C.1", () => {
  assert.equal(reader("0a").integer(5), 10);
  assert.equal(reader("1f9a0a").integer(5), 1337);
});

test("the largest integer that is taken, and one more group", () => {
  assert.equal(reader("7fffffff7f").integer(7), 2 ** 28 - 1 + 127);
  assert.throws(() => reader("7fffffffff00").integer(7), { name: "HpackError" });
});

test("strings with and without Huffman, one after another", () => {
  const strings = reader("0161 8cf1e3c2e5f23a6ba0ab90f4ff 00".replaceAll(" ", ""));
  assert.deepEqual([strings.string(), strings.string(), strings.string()], ["a", "www.example.com", ""]);
  assert.equal(strings.at, strings.end);
});

test("a string longer than any before", () => {
  const length = 40_000;
  // 0xff... would be EOS; 0x00 is five zeros and so on: "0" has the code 00000.
  const bytes = Buffer.concat([Buffer.from("ffc1b702", "hex"), Buffer.alloc(length)]);
  assert.equal(new BlockReader(bytes, 0, bytes.length).string(), "0".repeat((length * 8) / 5));
});
