import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackDecoder } from "../../../src/protocol/hpack/decoder.ts";
import type { HpackField } from "../../../src/protocol/hpack/field.ts";
import { VECTORS } from "./rfc7541-vectors.ts";

const LIST_BYTES_MAX = 65536;

function decode(decoder: HpackDecoder, hex: string): [string, string][] {
  return fieldsOf(decoder, hex).map(({ name, value }) => [name.text, value]);
}

function fieldsOf(decoder: HpackDecoder, hex: string): HpackField[] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const fields: HpackField[] = [];
  decoder.decode(bytes, 0, bytes.length, fields);
  return fields;
}

for (const { section, tableBytes, blocks } of VECTORS) {
  test(`RFC 7541 ${section} is decoded as it says`, () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    // The RFC's decoder has announced a smaller table; ours is told so by the encoder.
    if (tableBytes === 256) decode(decoder, "3fe101");
    for (const { bytes, fields } of blocks) assert.deepEqual(decode(decoder, bytes), fields);
  });
}

test("a decoded field says whether a message may have its value", () => {
  const literal = (value: string) => `000161${value.length.toString(16).padStart(2, "0")}${Buffer.from(value, "latin1").toString("hex")}`;
  for (const value of ["", "x", "a b", "a\tb", "\xff"]) {
    assert.equal(fieldsOf(new HpackDecoder(LIST_BYTES_MAX), literal(value))[0]?.sound, true, JSON.stringify(value));
  }
  for (const value of [" x", "x ", "\tx", "a\r\nb", "a\0", "a\nb", "\x7f", "\x01"]) {
    assert.equal(fieldsOf(new HpackDecoder(LIST_BYTES_MAX), literal(value))[0]?.sound, false, JSON.stringify(value));
  }
});

test("an entry of the table is the same object each time, so that what was worked out once serves again", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  const [first] = fieldsOf(decoder, "400161 0162");
  assert.equal(fieldsOf(decoder, "be")[0], first);
});

const BROKEN: readonly { name: string; block: string }[] = [
  { name: "index 0", block: "80" },
  { name: "an index beyond the static table, with an empty dynamic one", block: "be" },
  { name: "a name's index in neither table", block: "7f00 0161" },
  { name: "an integer that is cut", block: "ff" },
  { name: "an integer of too many bytes", block: "ff80808080808001" },
  { name: "a name that is cut", block: "000561" },
  { name: "a value that is missing", block: "000161" },
  { name: "a value that is cut", block: "0001610561" },
  { name: "a string longer than 2^31", block: "0001617fffffffff7f" },
  { name: "Huffman padding of zeros", block: "00016181 00" },
  { name: "Huffman padding of a whole byte", block: "00016182 1fff" },
  { name: "EOS within a Huffman code", block: "00016184 ffffffff" },
  { name: "a table size above ours", block: "3fe21f" },
  { name: "a table size behind a field", block: "82 20" },
];

for (const { name, block } of BROKEN) {
  test(`a block with ${name} is refused`, () => {
    assert.throws(() => decode(new HpackDecoder(LIST_BYTES_MAX), block), { name: "HpackError" });
  });
}

test("a smaller table forgets its oldest entries, and an entry larger than the table empties it", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  decode(decoder, "400161 0131");
  decode(decoder, "400162 0132");
  // Each entry counts 34 bytes: 40 leave room for one.
  assert.deepEqual(decode(decoder, "3f09 be"), [["b", "2"]]);
  assert.throws(() => decode(decoder, "bf"), { name: "HpackError" });
  const emptied = new HpackDecoder(LIST_BYTES_MAX);
  decode(emptied, "3f09 400161 0131");
  assert.deepEqual(decode(emptied, `400162 0a${"33".repeat(10)}`), [["b", "3".repeat(10)]]);
  assert.throws(() => decode(emptied, "be"), { name: "HpackError" });
});

test("a bomb: fields beyond the limit are counted and not kept, and the table stays in step", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  const value = "x".repeat(4000);
  decode(decoder, `400161 7fa11e ${Buffer.from(value).toString("hex")}`);
  const bomb = Buffer.concat([Buffer.alloc(60_000, 0xbe), Buffer.from("4001620131", "hex")]);
  const fields: HpackField[] = [];
  assert.equal(decoder.decode(bomb, 0, bomb.length, fields), false);
  assert.equal(fields.length, Math.floor(LIST_BYTES_MAX / (4000 + 1 + 32)));
  assert.deepEqual(decode(decoder, "be"), [["b", "1"]]);
});
