import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameReader, type FrameSink, mayBePreface, type PayloadUse, PREFACE_BYTES } from "../../../src/protocol/http2/frame-reader.ts";
import { frame, PREFACE } from "./frames.ts";

/** Notes frames as text; DATA comes in pieces, unknown types not at all. */
class Log implements FrameSink {
  readonly frames: string[] = [];
  #pieces = "";

  onFrameHead(type: number, flags: number, streamId: number, length: number): PayloadUse {
    this.frames.push(`head ${type} ${flags} ${streamId} ${length}`);
    return type === 0 ? "pieces" : type > 9 ? "none" : "whole";
  }

  onPayload(bytes: Buffer, at: number, end: number): void {
    this.frames.push(bytes.latin1Slice(at, end));
  }

  onPiece(bytes: Buffer, at: number, end: number, isLast: boolean): void {
    this.#pieces += bytes.latin1Slice(at, end);
    if (!isLast) return;
    this.frames.push(this.#pieces);
    this.#pieces = "";
  }
}

function read(chunks: readonly Buffer[]): string[] {
  const log = new Log();
  const reader = new FrameReader(log);
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    reader.read(lent);
    lent.fill(0xee);
  }
  return log.frames;
}

const anyFrame = fc
  .tuple(fc.nat(20), fc.nat(255), fc.nat(2 ** 31 - 1), fc.string({ maxLength: 50 }))
  .map(([type, flags, id, text]) => frame(type, flags, id, Buffer.from(text, "latin1")));

test("frames are the same however they are cut", () => {
  const input = fc.tuple(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 12 }));
  fc.assert(
    fc.property(input, ([frames, cuts]) => {
      const bytes = Buffer.concat([PREFACE, ...frames]);
      const whole = read([bytes]);
      assert.equal(whole.filter((line) => line.startsWith("head ")).length, frames.length);
      assert.deepEqual(read([...bytes].map((byte) => Buffer.of(byte))), whole);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      assert.deepEqual(read(places.slice(1).map((end, i) => bytes.subarray(places[i], end))), whole);
    }),
  );
});

test("the reserved bit of a stream's number is ignored", () => {
  const bytes = frame(1, 0, 1, 0);
  bytes[5] = 0x80;
  assert.deepEqual(read([PREFACE, bytes]), ["head 1 0 1 0", ""]);
});

test("every byte of the preface counts", () => {
  for (let at = 0; at < PREFACE.length; at += 1) {
    const wrong = Buffer.from(PREFACE);
    wrong[at]! ^= 1;
    assert.throws(() => read([wrong]), { name: "ConnectionError", code: "PROTOCOL_ERROR" });
  }
});

test("a beginning of the preface may become one", () => {
  assert.equal(PREFACE_BYTES, 24);
  for (let length = 0; length <= PREFACE.length; length += 1) assert.ok(mayBePreface(PREFACE.subarray(0, length)));
  assert.ok(mayBePreface(Buffer.concat([PREFACE, Buffer.from("more")])));
  for (const other of ["G", "PRI * HTTP/1.1", "PUT", "PRI  "]) assert.ok(!mayBePreface(Buffer.from(other)));
});

test("a reader that is closed within a frame reads no more of the chunk", () => {
  const log = new Log();
  const reader = new FrameReader(log);
  log.onPayload = () => reader.close();
  reader.read(Buffer.concat([PREFACE, frame(4, 0, 0, 0), frame(4, 0, 0, 0)]));
  reader.read(frame(4, 0, 0, 0));
  assert.deepEqual(log.frames, ["head 4 0 0 0"]);
});

test("a frame of megabytes in single bytes is copied once", () => {
  const bytes = frame(1, 0, 1, 100_000);
  const frames = read([PREFACE, ...Array.from(bytes, (byte) => Buffer.of(byte))]);
  assert.equal(frames[1]?.length, 100_000);
});
