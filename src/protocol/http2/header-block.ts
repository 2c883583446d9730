/**
 * A header block and the frames that it comes in (RFC 9113 §4.3, §6.2, §6.10):
 *
 *     block   = HEADERS *CONTINUATION                      ; nothing may come between, the last has END_HEADERS
 *     HEADERS = [ pad length(8) ] [ E(1) depends on(31) weight(8) ] fragment *padding
 */

import { ConnectionError } from "./connection-error.ts";
import { FLAG, PRIORITY_BYTES } from "./frame-types.ts";

/** CONTINUATION frames of one block (CVE-2024-27316): with frames of usual size many times what the limit on bytes allows. */
const CONTINUATIONS_MAX = 64;
/** Pad length, padding and priority: what a HEADERS frame may hold beside its fragment. */
export const HEADERS_EXTRA_BYTES_MAX = 1 + 255 + PRIORITY_BYTES;

/** The part of a HEADERS frame that is the block's. */
export interface Fragment {
  readonly at: number;
  readonly end: number;
}

/** @throws {ConnectionError} When padding or priority do not fit into the frame, or the stream depends on itself. */
export function headersFragment(bytes: Buffer, start: number, frameEnd: number, flags: number, streamId: number): Fragment {
  let at = start;
  let end = frameEnd;
  if ((flags & FLAG.padded) !== 0) {
    if (at >= end) throw new ConnectionError("FRAME_SIZE_ERROR", "HEADERS too short for its padding");
    end -= bytes[at]!;
    at += 1;
  }
  if ((flags & FLAG.priority) !== 0) {
    if (frameEnd - at < PRIORITY_BYTES) throw new ConnectionError("FRAME_SIZE_ERROR", "HEADERS too short for its priority");
    refuseSelfDependency(bytes, at, streamId);
    at += PRIORITY_BYTES;
  }
  if (at > end) throw new ConnectionError("PROTOCOL_ERROR", "HEADERS shorter than its padding");
  return { at, end };
}

/**
 * Priorities are read and not used (RFC 9113 §5.3.2), but for what was an error as long as they were.
 *
 * @throws {ConnectionError} When a stream depends on itself (RFC 7540 §5.3.1).
 */
export function refuseSelfDependency(bytes: Buffer, at: number, streamId: number): void {
  if ((bytes.readUInt32BE(at) & 0x7fffffff) === streamId)
    throw new ConnectionError("PROTOCOL_ERROR", `stream ${streamId} depends on itself`);
}

/** A block of several frames while it is gathered. */
export class OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly #bytesMax: number;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(streamId: number, endStream: boolean, bytesMax: number) {
    this.streamId = streamId;
    this.endStream = endStream;
    this.#bytesMax = bytesMax;
  }

  /**
   * Says that a frame of so many bytes comes, before any of them is held.
   *
   * @throws {ConnectionError} When frames or bytes are too many.
   */
  expect(frameBytes: number): void {
    if (this.#pieces.length > CONTINUATIONS_MAX) {
      throw new ConnectionError("ENHANCE_YOUR_CALM", `header block of more than ${CONTINUATIONS_MAX} CONTINUATION frames`);
    }
    if (this.#bytes + frameBytes > this.#bytesMax) {
      throw new ConnectionError("ENHANCE_YOUR_CALM", `header block of more than ${this.#bytesMax} bytes`);
    }
  }

  add(bytes: Buffer, at: number, end: number): void {
    this.#pieces.push(Buffer.from(bytes.subarray(at, end)));
    this.#bytes += end - at;
  }

  join(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
