import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_BYTES_MAX, FROM_WORKER, HAS_CONTENT_LENGTH, TAKES_TRAILERS, TO_WORKER, WEBSOCKET } from "../../src/wire/frame-types.ts";
import {
  closedFrame,
  completedFrame,
  creditFrame,
  creditText,
  FrameError,
  FrameReader,
  type FrameView,
  frameToWorker,
  messageFrame,
  parseClose,
  parseFileReference,
  requestFrame,
} from "../../src/wire/frames.ts";

interface FrameVector {
  readonly name: string;
  readonly from: "worker" | "gateway";
  readonly type: number;
  readonly stream: number;
  readonly flags: number;
  readonly status: string;
  readonly head: string;
  readonly contentLength: string | null;
  readonly body: string;
  readonly frame: string;
}

const vectors = JSON.parse(readFileSync(new URL("./vectors.json", import.meta.url), "utf8")) as { frames: FrameVector[] };
const fromWorkers = vectors.frames.filter(({ from }) => from === "worker");

/** A frame as a worker writes it. */
function workerFrame(parts: {
  type: number;
  stream: number;
  flags?: number;
  status?: string;
  head?: string;
  contentLength?: bigint;
  body?: Buffer;
}): Buffer {
  const { type, stream, flags = 0, status = "", head = "", contentLength, body = Buffer.alloc(0) } = parts;
  const header = Buffer.alloc(16);
  const length = Buffer.alloc(contentLength === undefined ? 0 : 8);
  if (contentLength !== undefined) length.writeBigUInt64LE(contentLength);
  header.writeUInt32LE(16 + status.length + head.length + length.length + body.length, 0);
  header.writeUInt32LE(stream, 4);
  header[8] = type;
  header[9] = flags | (contentLength === undefined ? 0 : HAS_CONTENT_LENGTH);
  header.writeUInt16LE(status.length, 10);
  header.writeUInt32LE(head.length, 12);
  return Buffer.concat([header, Buffer.from(status + head, "latin1"), length, body]);
}

function told(frame: FrameView): string {
  const { type, stream, flags, status, fieldLines, contentLength } = frame;
  return JSON.stringify({ type, stream, flags, status, fieldLines, contentLength, body: frame.copyPayload().toString("hex") });
}

function readAll(bytes: Buffer, cuts: readonly number[]): string[] {
  const read: string[] = [];
  const reader = new FrameReader((frame) => read.push(told(frame)));
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    // The link's buffer is used again for the next read: so is this one.
    const piece = Buffer.from(bytes.subarray(start, cut));
    reader.feed(piece);
    piece.fill(0xee);
    start = cut;
  }
  return read;
}

for (const vector of fromWorkers) {
  test(`FrameReader reads: ${vector.name}`, () => {
    const { type, stream, flags, status, head: fieldLines, body } = vector;
    const contentLength = vector.contentLength === null ? undefined : Number(vector.contentLength);
    assert.deepEqual(readAll(Buffer.from(vector.frame, "hex"), []), [
      JSON.stringify({ type, stream, flags, status, fieldLines, contentLength, body }),
    ]);
  });
}

for (const vector of vectors.frames.filter(({ from }) => from === "gateway")) {
  test(`frameToWorker writes: ${vector.name}`, () => {
    const body = Buffer.from(vector.body, "hex");
    assert.equal(frameToWorker(vector.type, vector.stream, body, vector.flags).toString("hex"), vector.frame);
  });
}

test("messages and closes of WebSockets are the vectors' frames too", () => {
  const vectorOf = (type: number) => vectors.frames.find((vector) => vector.type === type) ?? assert.fail();
  const message = messageFrame(TO_WORKER.text, 9, Buffer.from("hi"));
  assert.equal(Buffer.from(message, "latin1").toString("hex"), vectorOf(TO_WORKER.text).frame);
  assert.equal(closedFrame(9, 1006, Buffer.alloc(0)).toString("hex"), vectorOf(TO_WORKER.closed).frame);
  const { code, reason } = parseClose(Buffer.from(vectorOf(FROM_WORKER.close).body, "hex"));
  assert.deepEqual([code, reason.toString()], [4001, "bye"]);
  assert.throws(() => parseClose(Buffer.alloc(1)), FrameError);
});

test("a message to many says who gets it", () => {
  const seen: number[][] = [];
  const reader = new FrameReader((frame) => seen.push(frame.streams));
  const toMany: readonly number[] = [FROM_WORKER.textToMany, FROM_WORKER.binaryToMany];
  for (const { type, frame } of fromWorkers) if (toMany.includes(type)) reader.feed(Buffer.from(frame, "hex"));
  assert.deepEqual(seen, [[9, 10, 0x7fffffff], [300]]);
  const cut = workerFrame({ type: FROM_WORKER.textToMany, stream: 0, head: "\x09\0\0\0\x0a" });
  assert.throws(() => reader.feed(cut), FrameError);
});

test("what became of a request", () => {
  const vector = vectors.frames.find(({ type }) => type === TO_WORKER.completed) ?? assert.fail("there is a vector");
  assert.equal(completedFrame(vector.stream, 200, 2 ** 40, 1_500_000.7).toString("hex"), vector.frame);
});

test("credit as text is the same frame", () => {
  assert.deepEqual(Buffer.from(creditText(0xfedcba98, 0xffffff), "latin1"), creditFrame(0xfedcba98, 0xffffff));
});

test("frames are the same wherever they are cut once", () => {
  const bytes = Buffer.concat(fromWorkers.map(({ frame }) => Buffer.from(frame, "hex")).filter((frame) => frame.length < 4096));
  const whole = readAll(bytes, []);
  for (let cut = 1; cut < bytes.length; cut++) assert.deepEqual(readAll(bytes, [cut]), whole);
});

test("frames are the same byte by byte, and cut at random", () => {
  const anyFrame = fc
    .record({
      type: fc.integer({ min: 1, max: 12 }),
      stream: fc.nat(0x7fffffff),
      flags: fc.constantFrom(0, 2),
      status: fc.constantFrom("", "200 OK", "103 Early Hints"),
      head: fc.constantFrom("", "A: b\r\n", "X: \xe9\r\n"),
      body: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      contentLength: fc.constantFrom(undefined, 0n, 5n, 2n ** 40n),
    })
    .map(({ contentLength, ...parts }) => workerFrame(contentLength === undefined ? parts : { ...parts, contentLength }));
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(800), { maxLength: 20 }), (frames, places) => {
      const bytes = Buffer.concat(frames);
      const cuts = [...new Set(places.filter((place) => place < bytes.length))].sort((a, b) => a - b);
      const whole = readAll(bytes, []);
      assert.equal(whole.length, frames.length);
      assert.deepEqual(readAll(bytes, cuts), whole);
      assert.deepEqual(readAll(bytes, [...bytes.keys()]), whole);
    }),
  );
});

test("a frame of the largest size that comes in many pieces is read in linear time", () => {
  const body = Buffer.alloc(FRAME_BYTES_MAX - 16, 7);
  const bytes = workerFrame({ type: 3, stream: 1, body });
  let payloadBytes = 0;
  const reader = new FrameReader((frame) => {
    payloadBytes = frame.payloadBytes;
  });
  for (let at = 0; at < bytes.length; at += 1000) reader.feed(bytes.subarray(at, at + 1000));
  assert.equal(payloadBytes, body.length);
});

function header(length: number, { flags = 0, statusBytes = 0, headBytes = 0 } = {}): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(length, 0);
  bytes[8] = 1;
  bytes[9] = flags;
  bytes.writeUInt16LE(statusBytes, 10);
  bytes.writeUInt32LE(headBytes, 12);
  return bytes;
}

const BROKEN: readonly { name: string; bytes: Buffer }[] = [
  { name: "a length shorter than the header", bytes: header(15) },
  { name: "a length of zero", bytes: header(0) },
  { name: "a length beyond the largest frame", bytes: header(FRAME_BYTES_MAX + 1) },
  { name: "a length of 4 GB", bytes: header(0xffffffff) },
  { name: "a status that passes the frame's end", bytes: header(16, { statusBytes: 1 }) },
  { name: "a head that passes the frame's end", bytes: header(16, { headBytes: 0xffffffff }) },
  { name: "a content length that is cut", bytes: Buffer.concat([header(20, { flags: HAS_CONTENT_LENGTH }), Buffer.alloc(4)]) },
];

for (const { name, bytes } of BROKEN) {
  test(`FrameReader refuses ${name}, whole and byte by byte`, () => {
    assert.throws(() => readAll(bytes, []), FrameError);
    assert.throws(() => readAll(bytes, [...bytes.keys()]), FrameError);
  });
}

test("no bytes make FrameReader throw anything but a FrameError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, plausible) => {
      const bytes = Buffer.from(noise);
      if (plausible && bytes.length >= 16) bytes.writeUInt32LE(16 + (bytes[0]! % 64), 0);
      try {
        readAll(
          bytes,
          [3, 17, 50].filter((cut) => cut < bytes.length),
        );
      } catch (error) {
        assert.ok(error instanceof FrameError);
      }
    }),
  );
});

test("readUInt32 refuses a payload that is too short", () => {
  const reader = new FrameReader((frame) => frame.readUInt32());
  assert.throws(() => reader.feed(workerFrame({ type: 8, stream: 1, body: Buffer.alloc(3) })), FrameError);
});

test("creditFrame carries its bytes as u32", () => {
  assert.equal(creditFrame(7, 0x01020304).toString("hex"), "14000000070000002200000000000000" + "04030201");
});

function fileReference(offset: bigint, bytes: bigint, path: string): Buffer {
  const fixed = Buffer.alloc(32);
  fixed.writeBigUInt64LE(2n ** 63n + 5n, 0);
  fixed.writeBigUInt64LE(9n, 8);
  fixed.writeBigUInt64LE(offset, 16);
  fixed.writeBigUInt64LE(bytes, 24);
  return Buffer.concat([fixed, Buffer.from(path)]);
}

test("parseFileReference reads device and inode in full width", () => {
  assert.deepEqual(parseFileReference(fileReference(1n, 2n, "/\u00e9")), {
    device: 2n ** 63n + 5n,
    inode: 9n,
    offset: 1,
    bytes: 2,
    path: "/\u00e9",
  });
});

const BAD_REFERENCES = [
  { name: "no path", payload: fileReference(0n, 1n, "") },
  { name: "an offset that Node could not read at", payload: fileReference(2n ** 63n, 1n, "/f") },
  { name: "a length that no file has", payload: fileReference(0n, 2n ** 64n - 1n, "/f") },
  { name: "an end beyond all numbers", payload: fileReference(2n ** 53n - 1n, 2n, "/f") },
];
for (const { name, payload } of BAD_REFERENCES) {
  test(`parseFileReference refuses ${name}`, () => assert.throws(() => parseFileReference(payload), FrameError));
}

for (const { body, given, flags } of [
  { body: Buffer.from("body"), given: 0, flags: 0 },
  { body: Buffer.alloc(0), given: TAKES_TRAILERS, flags: 2 },
  { body: undefined, given: TAKES_TRAILERS, flags: 3 },
  { body: Buffer.alloc(0), given: WEBSOCKET, flags: 4 },
]) {
  test(`a pushed request with flags ${flags}: head and body behind one header`, () => {
    const frame = Buffer.from(requestFrame(7, "h\xe9ad", body, given), "latin1");
    const payload = `h\xe9ad${body?.toString() ?? ""}`;
    assert.equal(frame.latin1Slice(16), payload);
    const numbers = [frame.readUInt32LE(0), frame.readUInt32LE(4), frame[8], frame[9], frame.readUInt16LE(10), frame.readUInt32LE(12)];
    assert.deepEqual(numbers, [16 + payload.length, 7, 41, flags, 0, 4]);
  });
}
