/** Frames as a client sends them, and as it sees ours: bytes in hand, nothing checked. */

import { FLAG, FRAME, FRAME_HEAD_BYTES, SETTING } from "../../../src/protocol/http2/frame-types.ts";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** @param payload  Bytes, or a number of zeros. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer | number = 0): Buffer {
  const body = typeof payload === "number" ? Buffer.alloc(payload) : payload;
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function settings(values: Partial<Record<keyof typeof SETTING, number>> = {}): Buffer {
  const entries = Object.entries(values).map(([name, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(SETTING[name as keyof typeof SETTING], 0);
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frame(FRAME.settings, 0, 0, Buffer.concat(entries));
}

export const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0);
/** What every client sends first. */
export const HELLO = Buffer.concat([PREFACE, settings(), SETTINGS_ACK]);

export type Fields = readonly (readonly [name: string, value: string])[];

/** A header block of literals that no table takes. Texts up to 16 KiB, latin-1. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const { length } = value;
  if (length < 127) return Buffer.concat([Buffer.from([length]), Buffer.from(value, "latin1")]);
  const rest = length - 127;
  const bytes =
    rest < 128
      ? [127, rest]
      : rest < 16384
        ? [127, (rest & 127) | 128, rest >> 7]
        : [127, (rest & 127) | 128, ((rest >> 7) & 127) | 128, rest >> 14];
  return Buffer.concat([Buffer.from(bytes), Buffer.from(value, "latin1")]);
}

export const GET: Fields = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "h"],
];
export const POST: Fields = [[":method", "POST"], ...GET.slice(1)];

export function headers(streamId: number, fields: Fields = GET, { endStream = true, flags = 0 } = {}): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders | (endStream ? FLAG.endStream : 0) | flags, streamId, block(fields));
}

export function data(streamId: number, payload: Buffer | string | number, endStream = false): Buffer {
  return frame(
    FRAME.data,
    endStream ? FLAG.endStream : 0,
    streamId,
    typeof payload === "string" ? Buffer.from(payload, "latin1") : payload,
  );
}

export function rstStream(streamId: number, code = 8): Buffer {
  return frame(FRAME.rstStream, 0, streamId, word(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FRAME.windowUpdate, 0, streamId, word(increment));
}

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Takes whole frames off the front of what has come. */
export function cutFrames(bytes: Buffer): { frames: SeenFrame[]; rest: Buffer } {
  const frames: SeenFrame[] = [];
  let at = 0;
  while (bytes.length - at >= FRAME_HEAD_BYTES) {
    const length = bytes.readUIntBE(at, 3);
    const end = at + FRAME_HEAD_BYTES + length;
    if (end > bytes.length) break;
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      streamId: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + FRAME_HEAD_BYTES, end),
    });
    at = end;
  }
  return { frames, rest: bytes.subarray(at) };
}
