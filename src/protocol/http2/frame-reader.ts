/**
 * Frames out of a connection's bytes (RFC 9113 §3.4 and §4.1):
 *
 *     connection = preface *frame
 *     frame      = length(24) type(8) flags(8) R(1) stream(31) payload
 *
 * Most frames lie whole in one chunk and are never copied. Of others only what must be whole is gathered; DATA passes piece by
 * piece, and what nobody looks at is skipped.
 */

import { ConnectionError } from "./connection-error.ts";
import { FRAME_HEAD_BYTES } from "./frame-types.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** How a frame's payload is wanted: in one piece, as it comes, or not at all. */
export type PayloadUse = "whole" | "pieces" | "none";

/** Receives the frames of one connection. Every call may throw ConnectionError. */
export interface FrameSink {
  /** A frame's head has come. Decides by it: a payload that is too long must be refused here. */
  onFrameHead(type: number, flags: number, streamId: number, length: number): PayloadUse;
  /** The payload is `bytes` from `at` to `end`, valid during the call only. */
  onPayload(bytes: Buffer, at: number, end: number): void;
  /** The same for a piece of it. @param isLast  Always said once, with no bytes if need be. */
  onPiece(bytes: Buffer, at: number, end: number, isLast: boolean): void;
}

/** @returns Whether these first bytes of a connection are, or may become, the preface of HTTP/2. */
export function mayBePreface(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  return bytes.compare(PREFACE, 0, length, 0, length) === 0;
}

export const PREFACE_BYTES = PREFACE.length;

export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceBytes = 0;
  /** The first bytes of a head that came in pieces. */
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headBytes = 0;
  /** What is being read: a head, or a payload. */
  #use: PayloadUse | "head" = "head";
  /** Bytes of the payload that have not come yet. */
  #left = 0;
  /** A payload that is gathered: of its exact size, so that bytes that trickle in are copied once. */
  #gathered: Buffer | undefined;
  #closed = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Reads no more, from within a call of the sink's too. */
  close(): void {
    this.#closed = true;
    this.#gathered = undefined;
  }

  /** @throws {ConnectionError} What the sink throws, and PROTOCOL_ERROR for another preface. */
  read(chunk: Buffer): void {
    let at = this.#readPreface(chunk);
    while (!this.#closed && (at < chunk.length || this.#isComplete)) {
      at = this.#use === "head" ? this.#readHead(chunk, at) : this.#readPayload(chunk, at);
    }
  }

  /** A payload of no bytes needs no more of them. */
  get #isComplete(): boolean {
    return this.#use !== "head" && this.#left === 0;
  }

  #readPreface(chunk: Buffer): number {
    let at = 0;
    while (this.#prefaceBytes < PREFACE.length && at < chunk.length) {
      if (chunk[at++] !== PREFACE[this.#prefaceBytes++]) throw new ConnectionError("PROTOCOL_ERROR", "Invalid HTTP/2 connection preface");
    }
    return at;
  }

  #readHead(chunk: Buffer, at: number): number {
    if (this.#headBytes === 0 && chunk.length - at >= FRAME_HEAD_BYTES) {
      this.#begin(chunk, at);
      return at + FRAME_HEAD_BYTES;
    }
    const copied = chunk.copy(this.#head, this.#headBytes, at);
    this.#headBytes += copied;
    if (this.#headBytes === FRAME_HEAD_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head, 0);
    }
    return at + copied;
  }

  #begin(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.#left = length;
    // The highest bit of the stream's number is reserved, and ignored (RFC 9113 §4.1).
    this.#use = this.#sink.onFrameHead(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5) & 0x7fffffff, length);
  }

  #readPayload(chunk: Buffer, at: number): number {
    const next = Math.min(chunk.length, at + this.#left);
    const isLast = next - at === this.#left;
    if (this.#use === "whole" && (this.#gathered !== undefined || !isLast)) {
      this.#gather(chunk, at, next);
      return next;
    }
    const use = this.#use;
    this.#left -= next - at;
    if (isLast) this.#use = "head";
    if (use === "whole") this.#sink.onPayload(chunk, at, next);
    else if (use === "pieces") this.#sink.onPiece(chunk, at, next, isLast);
    return next;
  }

  #gather(chunk: Buffer, at: number, end: number): void {
    this.#gathered ??= Buffer.allocUnsafeSlow(this.#left);
    const gathered = this.#gathered;
    chunk.copy(gathered, gathered.length - this.#left, at, end);
    this.#left -= end - at;
    if (this.#left > 0) return;
    this.#gathered = undefined;
    this.#use = "head";
    this.#sink.onPayload(gathered, 0, gathered.length);
  }
}
