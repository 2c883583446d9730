/** Frames of the worker channel: the gateway's end (docs/internals/channels.md §6). */

import { BODY_FOLLOWS, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, HAS_CONTENT_LENGTH, TO_WORKER, WANTS_CLOSE } from "./frame-types.ts";

const STREAM_BYTES = 4;
const UINT32_VALUES = 2 ** 32;

/** A worker sent bytes that are no frame: its half is broken, the channel is closed. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/**
 * One frame as it lies in the receive buffer. A `FrameReader` has one such object and uses it for every frame, so
 * that the hot path makes no garbage: what must outlive the callback is copied out of it.
 */
export class FrameView {
  type = 0;
  flags = 0;
  /** Request id; 0 for the channel itself. */
  stream = 0;
  bytes: Buffer = Buffer.alloc(0);
  /** Offsets into `bytes`: status, head, [content length], payload, end. */
  statusStart = 0;
  headStart = 0;
  payloadStart = 0;
  end = 0;
  contentLength: number | undefined = undefined;

  get status(): string {
    return this.bytes.latin1Slice(this.statusStart, this.headStart);
  }

  /** Field lines of the head; valid for `response`, `head` and `hints`. */
  get fieldLines(): string {
    const lengthBytes = this.flags & HAS_CONTENT_LENGTH ? 8 : 0;
    return this.bytes.latin1Slice(this.headStart, this.payloadStart - lengthBytes);
  }

  get wantsClose(): boolean {
    return (this.flags & WANTS_CLOSE) !== 0;
  }

  get payloadBytes(): number {
    return this.end - this.payloadStart;
  }

  /** The payload as a view: valid only during the callback. */
  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.end);
  }

  /** The payload as a copy of its own. */
  copyPayload(): Buffer {
    return Buffer.from(this.payload);
  }

  /** Of a message to many: the WebSockets that get it. @throws {FrameError} when that is no list of them. */
  get streams(): number[] {
    const bytes = this.payloadStart - this.headStart;
    if (bytes % STREAM_BYTES !== 0) throw new FrameError(`${bytes} bytes of streams`);
    const streams: number[] = [];
    for (let at = this.headStart; at < this.payloadStart; at += STREAM_BYTES) streams.push(this.bytes.readUInt32LE(at));
    return streams;
  }

  readUInt32(): number {
    if (this.payloadBytes < 4) throw new FrameError(`frame of type ${this.type} has ${this.payloadBytes} bytes, 4 are needed`);
    return this.bytes.readUInt32LE(this.payloadStart);
  }
}

/** Cuts a worker's bytes into frames. */
export class FrameReader {
  readonly #frame = new FrameView();
  readonly #onFrame: (frame: FrameView) => void;
  /** The beginning of a frame whose rest has not come: pieces of their own, joined once it has. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #needBytes = 0;

  constructor(onFrame: (frame: FrameView) => void) {
    this.#onFrame = onFrame;
  }

  /**
   * @param chunk  Received bytes; the caller may reuse the memory afterwards.
   * @throws {FrameError} when the bytes are not frames.
   */
  feed(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#pieceBytes > 0) {
      if (this.#pieceBytes + chunk.length < this.#needBytes) {
        this.#keep(chunk);
        return;
      }
      bytes = Buffer.concat([...this.#pieces, chunk]);
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    let start = 0;
    while (bytes.length - start >= FRAME_HEADER_BYTES) {
      const length = frameLength(bytes, start);
      if (bytes.length - start < length) break;
      this.#emit(bytes, start, length);
      start += length;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
  }

  #keep(rest: Buffer): void {
    this.#pieces.push(Buffer.from(rest));
    this.#pieceBytes += rest.length;
    if (this.#pieces.length === 1) {
      this.#needBytes = rest.length < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : frameLength(rest, 0);
    }
  }

  #emit(bytes: Buffer, start: number, length: number): void {
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.stream = bytes.readUInt32LE(start + 4);
    frame.type = bytes[start + 8]!;
    frame.flags = bytes[start + 9]!;
    frame.statusStart = start + FRAME_HEADER_BYTES;
    frame.headStart = frame.statusStart + bytes.readUInt16LE(start + 10);
    frame.payloadStart = frame.headStart + bytes.readUInt32LE(start + 12);
    frame.end = start + length;
    frame.contentLength = undefined;
    if (frame.flags & HAS_CONTENT_LENGTH) {
      if (frame.payloadStart + 8 > frame.end) throw new FrameError("frame ends inside its content length");
      // Not as a BigInt: those are slow.
      frame.contentLength = bytes.readUInt32LE(frame.payloadStart) + UINT32_VALUES * bytes.readUInt32LE(frame.payloadStart + 4);
      frame.payloadStart += 8;
    }
    if (frame.payloadStart > frame.end) throw new FrameError(`head of ${frame.payloadStart - start} bytes in a frame of ${length}`);
    this.#onFrame(frame);
  }
}

function frameLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  if (length < FRAME_HEADER_BYTES || length > FRAME_BYTES_MAX) throw new FrameError(`frame length ${length} is out of range`);
  return length;
}

/** A frame for a worker: header and payload in one buffer. */
export function frameToWorker(type: number, stream: number, payload?: Buffer, flags = 0): Buffer {
  const length = FRAME_HEADER_BYTES + (payload?.length ?? 0);
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(stream, 4);
  frame[8] = type;
  frame[9] = flags;
  frame.writeUInt16LE(0, 10);
  frame.writeUInt32LE(0, 12);
  payload?.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}

/** That many more bytes of the response may be sent. */
export function creditFrame(stream: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32LE(bytes, 0);
  return frameToWorker(TO_WORKER.credit, stream, payload);
}

/** The same as latin-1 text, which leaves with the messages of its turn. */
export function creditText(stream: number, bytes: number): string {
  return creditFrame(stream, bytes).latin1Slice();
}

const COMPLETION_BYTES = 18;

/** What became of a request. @param durationUs  From its head to the end of its response. */
export function completedFrame(stream: number, status: number, bodyBytes: number, durationUs: number): Buffer {
  const payload = Buffer.allocUnsafe(COMPLETION_BYTES);
  payload.writeUInt16LE(status, 0);
  payload.writeBigUInt64LE(BigInt(bodyBytes), 2);
  payload.writeBigUInt64LE(BigInt(Math.floor(durationUs)), 10);
  return frameToWorker(TO_WORKER.completed, stream, payload);
}

const header = Buffer.alloc(FRAME_HEADER_BYTES);
const CLOSE_CODE_BYTES = 2;

/**
 * One piece of a WebSocket message as latin-1 text: small ones of one turn are joined and written at once.
 *
 * @param type  `TO_WORKER.text` or `TO_WORKER.binary`.
 */
export function messageFrame(type: number, stream: number, payload: Buffer): string {
  header.writeUInt32LE(FRAME_HEADER_BYTES + payload.length, 0);
  header.writeUInt32LE(stream, 4);
  header[8] = type;
  header[9] = 0;
  header.writeUInt32LE(0, 12);
  return header.latin1Slice(0, FRAME_HEADER_BYTES) + payload.latin1Slice();
}

/** The WebSocket is over. @param code  1006 when it had no proper end. @param reason  UTF-8. */
export function closedFrame(stream: number, code: number, reason: Buffer): Buffer {
  const payload = Buffer.allocUnsafe(CLOSE_CODE_BYTES + reason.length);
  payload.writeUInt16LE(code, 0);
  reason.copy(payload, CLOSE_CODE_BYTES);
  return frameToWorker(TO_WORKER.closed, stream, payload);
}

/** @throws {FrameError} when the payload is too short to be a code and a reason. */
export function parseClose(payload: Buffer): { code: number; reason: Buffer } {
  if (payload.length < CLOSE_CODE_BYTES) throw new FrameError(`close of ${payload.length} bytes`);
  return { code: payload.readUInt16LE(0), reason: payload.subarray(CLOSE_CODE_BYTES) };
}

/**
 * A pushed request, as latin-1 text: many of them are joined and written at once.
 *
 * @param head  The marshalled scope.
 * @param body  The whole body; undefined when it comes in BODY frames.
 * @param flags TAKES_TRAILERS, WEBSOCKET.
 */
export function requestFrame(stream: number, head: string, body: Buffer | undefined, flags: number): string {
  header.writeUInt32LE(FRAME_HEADER_BYTES + head.length + (body?.length ?? 0), 0);
  header.writeUInt32LE(stream, 4);
  header[8] = TO_WORKER.request;
  header[9] = (body === undefined ? BODY_FOLLOWS : 0) | flags;
  header.writeUInt32LE(head.length, 12);
  const text = header.latin1Slice(0, FRAME_HEADER_BYTES) + head;
  return body === undefined || body.length === 0 ? text : text + body.latin1Slice();
}

/** Where a FILE frame points. */
export interface FileReference {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
  readonly offset: number;
  readonly bytes: number;
}

const FILE_FIXED_BYTES = 32;

/**
 * @param payload  u64 device, u64 inode, u64 offset, u64 bytes, path as UTF-8.
 * @throws {FrameError} when it is cut, or names bytes that no file has.
 */
export function parseFileReference(payload: Buffer): FileReference {
  if (payload.length <= FILE_FIXED_BYTES) throw new FrameError(`file reference of ${payload.length} bytes`);
  const offset = Number(payload.readBigUInt64LE(16));
  const bytes = Number(payload.readBigUInt64LE(24));
  if (!Number.isSafeInteger(offset + bytes)) throw new FrameError(`file reference to ${bytes} bytes at ${offset}`);
  return {
    device: payload.readBigUInt64LE(0),
    inode: payload.readBigUInt64LE(8),
    offset,
    bytes,
    path: payload.toString("utf8", FILE_FIXED_BYTES),
  };
}
