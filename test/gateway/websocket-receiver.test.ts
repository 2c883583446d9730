import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf, makeReceiver } from "../../src/gateway/websocket-receiver.ts";
import { CONTINUATION, closePayload, frame, PING, TEXT } from "../server/websocket-client.ts";

/** Feeds bytes in pieces. @returns What was reported: `["message hi"]`, or the failure's reason at the end. */
async function receive(bytes: Buffer, pieceBytes = bytes.length, messageBytesMax = 1000): Promise<string[]> {
  const seen: string[] = [];
  const receiver = makeReceiver({}, messageBytesMax);
  receiver.on("message", (payload: Buffer) => seen.push(`message ${payload}`));
  receiver.on("ping", (payload: Buffer) => seen.push(`ping ${payload}`));
  receiver.on("conclude", (code: number) => seen.push(`close ${code}`));
  receiver.on("error", () => {});
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const error = await new Promise<Error | null | undefined>((resolve) => {
      receiver.write(Buffer.from(bytes.subarray(at, at + pieceBytes)), resolve);
    });
    if (error) {
      const { code, reason } = failureOf(error);
      return [...seen, `${code} ${reason}`];
    }
  }
  return seen;
}

const BYTES = Buffer.concat([frame(TEXT, "whole"), frame(TEXT, "two ", { fin: false }), frame(PING, "?"), frame(CONTINUATION, "pieces")]);
for (const pieceBytes of [1, 2, 3, 7, BYTES.length]) {
  test(`messages out of pieces of ${pieceBytes} bytes`, async () => {
    assert.deepEqual(await receive(BYTES, pieceBytes), ["message whole", "ping ?", "message two pieces"]);
  });
}

for (const [name, bytes, failure] of [
  ["126 in 16 bits", frame(TEXT, "x".repeat(126)), undefined],
  ["125 in 16 bits", frame(TEXT, "x".repeat(125), { lengthBits: 16 }), "1002 Non-minimal length"],
  ["0 in 16 bits", frame(TEXT, "", { lengthBits: 16 }), "1002 Non-minimal length"],
  ["65535 in 64 bits", frame(TEXT, "", { lengthBits: 64, declaredBytes: 65535 }), "1002 Non-minimal length"],
  ["a message over the limit", frame(TEXT, "", { declaredBytes: 1001 }), "1009 Message too big"],
  ["a length of 2^60", frame(TEXT, "", { declaredBytes: 2 ** 60 }), "1009 Message too big"],
  ["a close of one byte", frame(8, "x"), "1002 Invalid close payload"],
  ["a ping of 126 bytes", frame(PING, "x".repeat(126)), "1002 Invalid control frame"],
  ["close 1005", frame(8, closePayload(1005)), "1002 Invalid close code"],
] as const) {
  test(`a receiver's verdict on ${name}`, async () => {
    const seen = await receive(bytes);
    assert.equal(seen.at(-1)?.startsWith("message") ? undefined : seen.at(-1), failure);
  });
}

test("an error that has no code is zlib's", () => assert.equal(failureOf(new Error("invalid distance")).code, 1007));
