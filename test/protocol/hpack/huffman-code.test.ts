import assert from "node:assert/strict";
import { test } from "node:test";
import { EOS, HUFFMAN_CODES } from "../../../src/protocol/hpack/huffman-code.ts";

/** Some lines of RFC 7541, Appendix B: of each kind of length, first and last of a length, and those that hand copies get wrong. */
const LINES: readonly { symbol: number; code: string; bits: number }[] = [
  { symbol: 0, code: "1ff8", bits: 13 },
  { symbol: 1, code: "7fffd8", bits: 23 },
  { symbol: 9, code: "ffffea", bits: 24 },
  { symbol: 10, code: "3ffffffc", bits: 30 },
  { symbol: 32, code: "14", bits: 6 },
  { symbol: 48, code: "0", bits: 5 },
  { symbol: 97, code: "3", bits: 5 },
  { symbol: 116, code: "9", bits: 5 },
  { symbol: 122, code: "7b", bits: 7 },
  { symbol: 124, code: "7fc", bits: 11 },
  { symbol: 126, code: "1ffd", bits: 13 },
  { symbol: 127, code: "ffffffc", bits: 28 },
  { symbol: 128, code: "fffe6", bits: 20 },
  { symbol: 249, code: "ffffffe", bits: 28 },
  { symbol: 255, code: "3ffffee", bits: 26 },
  { symbol: EOS, code: "3fffffff", bits: 30 },
];

for (const { symbol, code, bits } of LINES) {
  test(`symbol ${symbol} has the code of RFC 7541`, () => {
    const found = HUFFMAN_CODES.find((entry) => entry.symbol === symbol);
    assert.deepEqual([found?.code.toString(16), found?.bits], [code, bits]);
  });
}

test("the code is complete: every sequence of bits begins with exactly one code", () => {
  assert.equal(HUFFMAN_CODES.length, 257);
  assert.equal(
    HUFFMAN_CODES.reduce((sum, { bits }) => sum + 2 ** -bits, 0),
    1,
  );
});
