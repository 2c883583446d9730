import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder } from "../../../src/protocol/hpack/decoder.ts";
import { type EncodedField, encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import { HpackEncoder } from "../../../src/protocol/hpack/encoder.ts";
import type { HpackField } from "../../../src/protocol/hpack/field.ts";

const room = Buffer.alloc(65536);

function write(encoder: HpackEncoder, status: number | undefined, fields: readonly EncodedField[]): Buffer {
  const end = encoder.write(room, 0, status, fields);
  assert.ok(end <= HpackEncoder.blockBytesMax(fields), "a block is never longer than said");
  return Buffer.from(room.subarray(0, end));
}

function read(decoder: HpackDecoder, block: Buffer): [string, string][] {
  const fields: HpackField[] = [];
  decoder.decode(block, 0, block.length, fields);
  return fields.map(({ name, value }) => [name.text, value]);
}

test("statuses of the static table are one byte, others a literal", () => {
  const encoder = new HpackEncoder();
  for (const [status, hex] of [
    [200, "88"],
    [204, "89"],
    [206, "8a"],
    [304, "8b"],
    [400, "8c"],
    [404, "8d"],
    [500, "8e"],
    [103, "0803313033"],
    [503, "0803353033"],
  ] as const) {
    assert.equal(write(encoder, status, []).toString("hex"), hex);
  }
});

test("a field is sent whole once, then as one byte, until it is pushed out", () => {
  const encoder = new HpackEncoder();
  const type = encodeField("content-type", "text/plain");
  assert.equal(write(encoder, 200, [type]).toString("hex"), "885f0a746578742f706c61696e");
  assert.equal(write(encoder, 200, [type]).toString("hex"), "88be");
  const others = Array.from({ length: 130 }, (_, i) => encodeField("x-filler", `value ${i}`));
  write(encoder, 200, others);
  assert.equal(write(encoder, 200, [type]).toString("hex"), "885f0a746578742f706c61696e");
});

test("what differs each time is not indexed, and secrets are never to be", () => {
  const encoder = new HpackEncoder();
  const length = encodeField("content-length", "14");
  const cookie = encodeField("set-cookie", "id=1");
  for (let i = 0; i < 2; i += 1) {
    assert.equal(write(encoder, undefined, [length]).toString("hex"), "0f0d023134");
    assert.equal(write(encoder, undefined, [cookie]).toString("hex"), "1f280469643d31");
  }
});

test("any responses come back from a decoder that follows, whatever table the client allows", () => {
  const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 40 });
  const field = fc
    .tuple(fc.constantFrom("content-type", "x-a", "x-b", "set-cookie", "content-length", "vary", "via"), value)
    .map(([name, text]) => encodeField(name, text));
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.array(fc.nat(29), { maxLength: 20 }).map((fields) => ({ fields, tableBytes: [] as number[] })) },
    { weight: 1, arbitrary: fc.array(fc.nat(5000), { maxLength: 3 }).map((tableBytes) => ({ fields: [] as number[], tableBytes })) },
  );
  fc.assert(
    fc.property(fc.array(field, { minLength: 30, maxLength: 30 }), fc.array(step, { maxLength: 60 }), (known, steps) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder(Number.POSITIVE_INFINITY);
      for (const { fields, tableBytes } of steps) {
        for (const bytes of tableBytes) encoder.setTableSize(bytes);
        const sent = fields.map((i) => known[i]!);
        const expected = [[":status", "200"], ...sent.map(({ name, value: text }) => [name, text])];
        assert.deepEqual(read(decoder, write(encoder, 200, sent)), expected);
      }
    }),
  );
});

test("a smaller table is announced before the next block, with the smallest size in between", () => {
  const encoder = new HpackEncoder();
  encoder.setTableSize(0);
  encoder.setTableSize(100);
  assert.equal(write(encoder, 200, []).toString("hex"), "203f4588");
  assert.equal(write(encoder, 200, []).toString("hex"), "88");
  encoder.setTableSize(1_000_000);
  assert.equal(write(encoder, 200, []).toString("hex"), "3fe11f88");
});
