import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { agreeOnCompression } from "../../src/gateway/websocket-compression.ts";
import { WebsocketSession } from "../../src/gateway/websocket-session.ts";
import { readWholeMessage } from "../../src/gateway/websocket-whole-messages.ts";
import { BINARY, CLOSE, CONTINUATION, closePayload, type FrameOptions, frame, PING, PONG, TEXT } from "../server/websocket-client.ts";

const MESSAGE_BYTES_MAX = 300;

const read = (bytes: Buffer, at = 0) => readWholeMessage(bytes, at, MESSAGE_BYTES_MAX);

for (const [name, opcode, payload] of [
  ["text", TEXT, "hi"],
  ["text that is not ASCII", TEXT, "grüß"],
  ["no bytes", TEXT, ""],
  ["bytes", BINARY, Buffer.from([0, 255, 128])],
  ["125 bytes", BINARY, Buffer.alloc(125, 1)],
  ["126 bytes", TEXT, "x".repeat(126)],
  ["300 bytes", TEXT, "x".repeat(300)],
] as const) {
  test(`a whole message is read: ${name}`, () => {
    const bytes = Buffer.concat([Buffer.from("before"), frame(opcode, payload), Buffer.from("behind")]);
    const end = bytes.length - 6;
    assert.deepEqual(read(bytes, 6), { payload: Buffer.from(payload as string), binary: opcode === BINARY, end });
  });
}

for (const [name, bytes] of [
  ["nothing", Buffer.alloc(0)],
  ["a first byte", Buffer.from([0x81])],
  ["a cut 16-bit length", Buffer.from([0x81, 0xfe, 0x01])],
  ["a message of which the last byte is missing", frame(TEXT, "hi").subarray(0, 7)],
  ["a long one of which the last byte is missing", frame(TEXT, "x".repeat(200)).subarray(0, 207)],
  ["a first piece", frame(TEXT, "hi", { fin: false })],
  ["a later piece", frame(CONTINUATION, "hi")],
  ["a reserved bit", frame(TEXT, "hi", { reserved: 0x40 })],
  ["a ping", frame(PING, "hi")],
  ["a pong", frame(PONG, "hi")],
  ["a close", frame(CLOSE, closePayload(1000))],
  ["a frame without a mask", frame(TEXT, "hi there", { masked: false })],
  ["a long frame without a mask", frame(TEXT, "x".repeat(200), { masked: false })],
  ["a length that is not minimal", frame(TEXT, "hi", { lengthBits: 16 })],
  ["a length of 64 bits", frame(TEXT, "hi", { lengthBits: 64 })],
  ["one over the limit", frame(TEXT, "x".repeat(301))],
  ["no UTF-8", frame(TEXT, Buffer.from([0x61, 0xff]))],
  ["a cut character", frame(TEXT, Buffer.from([0x61, 0xc3]))],
] as const) {
  test(`ws is left, as it came: ${name}`, () => {
    const before = Buffer.from(bytes);
    assert.equal(read(bytes), undefined);
    assert.deepEqual(bytes, before);
  });
}

/** All that a session says, in order: to its worker, and to the client. */
async function say(chunks: readonly Buffer[]): Promise<string[]> {
  const said: string[] = [];
  const worker = {
    message: (payload: Buffer, binary: boolean) => said.push(`${binary ? "binary" : "text"} ${payload.toString("hex")}`),
    closed: (code: number, reason: Buffer) => said.push(`closed ${code} ${reason}`),
    credit: () => {},
  };
  const tunnel = {
    write: (bytes: Buffer | string) => said.push(`client ${Buffer.from(bytes as string, "latin1").toString("hex")}`) > 0,
    pause: () => {},
    resume: () => {},
    finishWriting: () => {},
    end: () => said.push("end"),
    cut: () => said.push("cut"),
  };
  const agreement = agreeOnCompression(undefined, MESSAGE_BYTES_MAX);
  let over = false;
  const session = new WebsocketSession(worker, MESSAGE_BYTES_MAX, agreement, () => {
    over = true;
  });
  session.begin(tunnel);
  session.grant(1e9);
  // As from a socket: each in a turn of its own, its memory used again behind it.
  for (const chunk of chunks) {
    const shared = Buffer.from(chunk);
    session.onBytes(shared);
    shared.fill(0xee);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!over) session.onEnd();
  return said;
}

/** Frames that are right, most of them, and all the ways to be wrong. */
const anyFrame = fc
  .record({
    opcode: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(TEXT, BINARY) },
      { weight: 3, arbitrary: fc.constantFrom(CONTINUATION, PING, PONG) },
      { weight: 1, arbitrary: fc.constantFrom(CLOSE, 3, 11) },
    ),
    payload: fc.oneof(
      { weight: 8, arbitrary: fc.string({ maxLength: 40, unit: "binary" }).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 1, arbitrary: fc.constantFrom(125, 126, 300, 301).map((size) => Buffer.alloc(size, "x")) },
    ),
    options: fc.oneof(
      { weight: 12, arbitrary: fc.constant<FrameOptions>({}) },
      { weight: 3, arbitrary: fc.constant<FrameOptions>({ fin: false }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<FrameOptions>(
          { reserved: 0x40 },
          { reserved: 0x10 },
          { masked: false },
          { lengthBits: 16 },
          { lengthBits: 64 },
        ),
      },
    ),
  })
  .map(({ opcode, payload, options }) => frame(opcode, payload, options));

/** No frame is whole in one byte: all of them are read by ws. */
const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));

test("with what is read without ws a session says what it says when ws reads everything", async () => {
  const anyStream = fc.array(anyFrame, { minLength: 1, maxLength: 8 }).map((frames) => Buffer.concat(frames));
  const anyCuts = fc.array(fc.nat(400), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(anyStream, anyCuts, async (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      assert.deepEqual(await say(chunks), await say(bytewise(bytes)));
    }),
    { numRuns: 300 },
  );
});
