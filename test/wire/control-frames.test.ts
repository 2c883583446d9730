import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ANSWER_BYTES_MAX, COMMAND_BYTES_MAX, ControlFrameError, ControlFrameReader, controlFrame } from "../../src/wire/control-frames.ts";

/** As gunicornc 27.0.1 sent it. */
const SHOW_WORKERS = Buffer.from(
  "000000307b226964223a20332c2022636f6d6d616e64223a202273686f7720776f726b657273222c202261726773223a205b5d7d",
  "hex",
);
const SHOWN = { id: 3, command: "show workers", args: [] };

function framed(text: string | Buffer, length = Buffer.byteLength(text)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, Buffer.from(text as string)]);
}

/** All messages that the chunks hold. */
function read(chunks: readonly Buffer[], bytesMax = COMMAND_BYTES_MAX): unknown[] {
  const reader = new ControlFrameReader(bytesMax);
  const messages: unknown[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk);
    for (let message = reader.next(); message !== undefined; message = reader.next()) messages.push(message);
  }
  return messages;
}

test("a frame of gunicornc is read whole, byte by byte, and several at once", () => {
  assert.deepEqual(read([SHOW_WORKERS]), [SHOWN]);
  assert.deepEqual(read([...SHOW_WORKERS].map((byte) => Buffer.from([byte]))), [SHOWN]);
  assert.deepEqual(read([Buffer.concat([SHOW_WORKERS, framed('{"id": 4}'), SHOW_WORKERS])]), [SHOWN, { id: 4 }, SHOWN]);
});

test("frames are the same however they are cut", () => {
  const messages = [{ id: 1, command: "é€😀" }, { id: "x".repeat(70_000) }, {}];
  const bytes = Buffer.concat(messages.map(controlFrame));
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
      const ends = [0, ...cuts.sort((one, other) => one - other), bytes.length];
      const chunks = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end));
      assert.deepEqual(read(chunks, ANSWER_BYTES_MAX), messages);
    }),
    { numRuns: 50 },
  );
});

test("a frame is its length, big-endian, and JSON", () => {
  assert.equal(controlFrame({ id: 1 }).toString("hex"), `00000008${Buffer.from('{"id":1}').toString("hex")}`);
  assert.equal(controlFrame({ text: "é" }).readUInt32BE(), 13);
});

const REFUSED: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  { name: "a length one over the limit, with no byte behind it", bytes: framed("", COMMAND_BYTES_MAX + 1) },
  { name: "the largest length", bytes: framed("", 0xffffffff) },
  { name: "no bytes at all", bytes: framed("") },
  { name: "what is no JSON", bytes: framed("{") },
  { name: "a list", bytes: framed("[]") },
  { name: "null", bytes: framed("null") },
  { name: "a text", bytes: framed('"help"') },
  { name: "a number", bytes: framed("3") },
  { name: "bytes that are no UTF-8", bytes: framed(Buffer.from([0x7b, 0xff, 0x7d])) },
  { name: "a mark of the byte order", bytes: framed("\ufeff{}") },
];

for (const { name, bytes } of REFUSED) {
  test(`refused: ${name}`, () => assert.throws(() => read([bytes]), ControlFrameError));
}

test("the longest command is taken, and waits for its last byte", () => {
  const text = JSON.stringify({ command: "x".repeat(COMMAND_BYTES_MAX - '{"command":""}'.length) });
  const bytes = framed(text);
  assert.equal(bytes.length, COMMAND_BYTES_MAX + 4);
  assert.deepEqual(read([bytes.subarray(0, -1)]), []);
  assert.equal(read([bytes.subarray(0, -1), bytes.subarray(-1)]).length, 1);
});

test("an answer that nobody would read is not made", () => {
  assert.throws(() => controlFrame({ data: "x".repeat(ANSWER_BYTES_MAX) }), ControlFrameError);
});
