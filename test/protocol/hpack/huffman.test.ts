import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodedBytesMax, decodeHuffman } from "../../../src/protocol/hpack/huffman.ts";
import { EOS, HUFFMAN_CODES } from "../../../src/protocol/hpack/huffman-code.ts";

const codeOf = new Map(HUFFMAN_CODES.map(({ symbol, code, bits }) => [symbol, code.toString(2).padStart(bits, "0")]));

/** The slow way: bits as text. */
function encode(bytes: Uint8Array, padding = "1"): Buffer {
  let bits = [...bytes].map((byte) => codeOf.get(byte) ?? "").join("");
  while (bits.length % 8 !== 0) bits += padding;
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}

function decode(bytes: Buffer): Buffer | undefined {
  const into = Buffer.alloc(decodedBytesMax(bytes.length));
  const length = decodeHuffman(bytes, 0, bytes.length, into);
  return length < 0 ? undefined : into.subarray(0, length);
}

test("every byte comes back from its code", () => {
  for (let byte = 0; byte < 256; byte += 1) assert.deepEqual(decode(encode(Uint8Array.of(byte))), Buffer.from([byte]), String(byte));
});

test("any string comes back, and never outgrows the room for it", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.deepEqual(decode(encode(bytes)), Buffer.from(bytes))));
});

test("any bytes decode or are refused, as reading bit by bit does", () => {
  const symbolOf = new Map([...codeOf].map(([symbol, code]) => [code, symbol]));
  const slow = (bytes: Uint8Array): number[] | undefined => {
    const symbols: number[] = [];
    let code = "";
    for (const bit of [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("")) {
      code += bit;
      const symbol = symbolOf.get(code);
      if (symbol === undefined) continue;
      if (symbol === EOS) return undefined;
      symbols.push(symbol);
      code = "";
    }
    return /^1{0,7}$/.test(code) ? symbols : undefined;
  };
  const mostlyOnes = fc.array(fc.oneof(fc.constant(255), fc.integer({ min: 0, max: 255 })), { maxLength: 12 });
  fc.assert(
    fc.property(mostlyOnes, (bytes) => {
      const expected = slow(Uint8Array.from(bytes));
      assert.deepEqual(decode(Buffer.from(bytes)), expected === undefined ? undefined : Buffer.from(expected));
    }),
    { numRuns: 2000 },
  );
});

test("padding is of ones", () => assert.equal(decode(encode(Uint8Array.of(0x61), "0")), undefined));
