/** Frames into bytes. All that is written until `flush` leaves in as few buffers as possible. */

import type { EncodedField } from "../hpack/encoded-field.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import {
  ERROR,
  type ErrorName,
  FLAG,
  FRAME,
  FRAME_BYTES_MIN,
  FRAME_HEAD_BYTES,
  GOAWAY_BYTES_MIN,
  PING_BYTES,
  SETTING_BYTES,
  WORD_BYTES,
} from "./frame-types.ts";
import { OUTPUT_BUFFER_BYTES, type OutputPool } from "./output-pool.ts";

/** Bytes of a DATA frame of ours: two frames with their heads fill a buffer, and no client has to allow more (RFC 9113 §4.2). */
export const DATA_BYTES_MAX = OUTPUT_BUFFER_BYTES / 2 - FRAME_HEAD_BYTES;
/** Header blocks up to this size are written in place; a frame of this size is one that every client takes. */
const BLOCK_IN_PLACE_BYTES_MAX = FRAME_BYTES_MIN;
/** Output up to this size is copied: a client that does not read must not hold a whole buffer of the pool with each PING's answer. */
const COPIED_BYTES_MAX = 4095;

export interface OutputTarget {
  /** @param bytes  To be sent, in this order. @param pooled  The pool's again once they are sent, or undefined. */
  write(bytes: Buffer, pooled: Buffer | undefined): void;
  /** Something has been written where nothing was: `flush` is to be called before long. */
  wantsFlush(): void;
}

export class FrameWriter {
  readonly #target: OutputTarget;
  readonly #pool: OutputPool;
  readonly #encoder = new HpackEncoder();
  #buffer: Buffer | undefined;
  #used = 0;

  constructor(target: OutputTarget, pool: OutputPool) {
    this.#target = target;
    this.#pool = pool;
  }

  setTableSize(bytes: number): void {
    this.#encoder.setTableSize(bytes);
  }

  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    const bytes = buffer.subarray(0, this.#used);
    if (bytes.length > COPIED_BYTES_MAX) {
      this.#target.write(bytes, buffer);
      return;
    }
    const copy = Buffer.from(bytes);
    this.#pool.giveBack(buffer);
    this.#target.write(copy, undefined);
  }

  settings(values: readonly (readonly [setting: number, value: number])[]): void {
    let at = this.#frame(FRAME.settings, 0, 0, values.length * SETTING_BYTES);
    const buffer = this.#buffer!;
    for (const [setting, value] of values) {
      at = buffer.writeUInt16BE(setting, at);
      at = buffer.writeUInt32BE(value, at);
    }
  }

  settingsAck(): void {
    this.#frame(FRAME.settings, FLAG.ack, 0, 0);
  }

  /** @param payload  Its eight bytes from `at` on. */
  ping(flags: number, payload: Buffer, at: number): void {
    const to = this.#frame(FRAME.ping, flags, 0, PING_BYTES);
    payload.copy(this.#buffer!, to, at, at + PING_BYTES);
  }

  goaway(lastStreamId: number, code: ErrorName): void {
    const at = this.#frame(FRAME.goaway, 0, 0, GOAWAY_BYTES_MIN);
    this.#buffer!.writeUInt32BE(lastStreamId, at);
    this.#buffer!.writeUInt32BE(ERROR[code], at + WORD_BYTES);
  }

  rstStream(streamId: number, code: ErrorName): void {
    const at = this.#frame(FRAME.rstStream, 0, streamId, WORD_BYTES);
    this.#buffer!.writeUInt32BE(ERROR[code], at);
  }

  windowUpdate(streamId: number, bytes: number): void {
    const at = this.#frame(FRAME.windowUpdate, 0, streamId, WORD_BYTES);
    this.#buffer!.writeUInt32BE(bytes, at);
  }

  /** @param bytes  Copied. At most `DATA_BYTES_MAX`. */
  data(streamId: number, bytes: Buffer, endStream: boolean): void {
    const at = this.#frame(FRAME.data, endStream ? FLAG.endStream : 0, streamId, bytes.length);
    this.#buffer!.set(bytes, at);
  }

  /** @param status  Undefined for trailers. */
  headers(streamId: number, status: number | undefined, fields: readonly EncodedField[], endStream: boolean): void {
    const bytesMax = HpackEncoder.blockBytesMax(fields);
    const flags = endStream ? FLAG.endStream : 0;
    if (bytesMax > BLOCK_IN_PLACE_BYTES_MAX) {
      const block = Buffer.allocUnsafe(bytesMax);
      this.#longBlock(streamId, flags, block.subarray(0, this.#encoder.write(block, 0, status, fields)));
      return;
    }
    const buffer = this.#room(FRAME_HEAD_BYTES + bytesMax);
    const start = this.#used;
    const at = start + FRAME_HEAD_BYTES;
    this.#used = this.#encoder.write(buffer, at, status, fields);
    writeHead(buffer, start, FRAME.headers, flags | FLAG.endHeaders, streamId, this.#used - at);
  }

  /** Over several frames, which nothing may come between (RFC 9113 §4.3). */
  #longBlock(streamId: number, flags: number, block: Buffer): void {
    for (let at = 0; at < block.length; at += FRAME_BYTES_MIN) {
      const piece = block.subarray(at, at + FRAME_BYTES_MIN);
      const endHeaders = at + piece.length === block.length ? FLAG.endHeaders : 0;
      const to =
        at === 0
          ? this.#frame(FRAME.headers, flags | endHeaders, streamId, piece.length)
          : this.#frame(FRAME.continuation, endHeaders, streamId, piece.length);
      this.#buffer!.set(piece, to);
    }
  }

  /** Writes a frame's head. @returns Where its payload begins, for which there is room in the buffer. */
  #frame(type: number, flags: number, streamId: number, length: number): number {
    const buffer = this.#room(FRAME_HEAD_BYTES + length);
    const start = this.#used;
    writeHead(buffer, start, type, flags, streamId, length);
    this.#used = start + FRAME_HEAD_BYTES + length;
    return start + FRAME_HEAD_BYTES;
  }

  /** A buffer with at least so many bytes free from `#used` on. */
  #room(bytes: number): Buffer {
    if (this.#buffer !== undefined && OUTPUT_BUFFER_BYTES - this.#used >= bytes) return this.#buffer;
    if (this.#buffer === undefined) this.#target.wantsFlush();
    else this.flush();
    this.#buffer = this.#pool.take();
    this.#used = 0;
    return this.#buffer;
  }
}

function writeHead(buffer: Buffer, at: number, type: number, flags: number, streamId: number, length: number): void {
  buffer[at] = length >> 16;
  buffer[at + 1] = length >> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >> 16;
  buffer[at + 7] = streamId >> 8;
  buffer[at + 8] = streamId;
}
