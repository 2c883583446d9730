import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { DATA_BYTES_MAX, FrameWriter } from "../../../src/protocol/http2/frame-writer.ts";
import { OUTPUT_BUFFER_BYTES, OutputPool } from "../../../src/protocol/http2/output-pool.ts";
import { cutFrames } from "./frames.ts";

function make(): { writer: FrameWriter; writes: { bytes: Buffer; pooled: boolean }[]; asked: () => number; pool: OutputPool } {
  const writes: { bytes: Buffer; pooled: boolean }[] = [];
  let asked = 0;
  const pool = new OutputPool();
  const target = {
    write: (bytes: Buffer, pooled: Buffer | undefined) => {
      writes.push({ bytes: Buffer.from(bytes), pooled: pooled !== undefined });
    },
    wantsFlush: () => {
      asked += 1;
    },
  };
  return { writer: new FrameWriter(target, pool), writes, asked: () => asked, pool };
}

test("all that is written in a turn is one write, and a flush is asked for once", () => {
  const { writer, writes, asked } = make();
  for (let i = 0; i < 50; i += 1) writer.windowUpdate(1, 5);
  assert.equal(writes.length, 0);
  writer.flush();
  writer.flush();
  assert.equal(writes.length, 1);
  assert.equal(asked(), 1);
  assert.equal(cutFrames(writes[0]?.bytes ?? Buffer.alloc(0)).frames.length, 50);
});

test("small output is copied, so that a client that does not read holds no buffer of the pool", () => {
  const { writer, writes, pool } = make();
  writer.ping(1, Buffer.alloc(8), 0);
  writer.flush();
  assert.equal(writes[0]?.pooled, false);
  const buffer = pool.take();
  pool.giveBack(buffer);
  writer.data(1, Buffer.alloc(10_000), false);
  writer.flush();
  assert.equal(writes[1]?.pooled, true);
});

test("two full frames of DATA fill a buffer", () => {
  const { writer, writes } = make();
  for (let i = 0; i < 4; i += 1) writer.data(1, Buffer.alloc(DATA_BYTES_MAX), false);
  writer.flush();
  assert.deepEqual(
    writes.map(({ bytes }) => bytes.length),
    [OUTPUT_BUFFER_BYTES, OUTPUT_BUFFER_BYTES],
  );
});

test("a header block of just a frame's size, and one byte more", () => {
  for (const { length, frames } of [
    { length: 16384, frames: [FRAME.headers] },
    { length: 16385, frames: [FRAME.headers, FRAME.continuation] },
    { length: 40000, frames: [FRAME.headers, FRAME.continuation, FRAME.continuation] },
  ]) {
    const { writer, writes } = make();
    // A block of one literal whose bytes are given: what is written is as long as that and the status.
    writer.headers(1, 200, [{ name: "x", value: "", literal: new Uint8Array(length - 1), slot: -1, tableBytes: 0 }], true);
    writer.flush();
    const seen = cutFrames(Buffer.concat(writes.map(({ bytes }) => bytes))).frames;
    assert.deepEqual(
      seen.map(({ type }) => type),
      frames,
    );
    assert.deepEqual(seen.map(({ flags }) => flags & 4).filter((flag) => flag !== 0).length, 1);
    assert.equal(seen.at(-1)?.flags, frames.length === 1 ? 5 : 4);
    assert.equal(
      seen.reduce((sum, { payload }) => sum + payload.length, 0),
      length,
    );
  }
});
