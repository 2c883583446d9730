/**
 * The hot path of what clients send: a message in one frame, not compressed, that lies whole in what was read. ws would make six buffers
 * and go through a stream for it. Whatever is not exactly that, faults included, is left to ws, untouched.
 */

import { isUtf8 } from "node:buffer";

/** First byte: FIN, no reserved bit, and the opcode. */
const WHOLE_TEXT = 0x81;
const WHOLE_BINARY = 0x82;
/** Bit of the second byte, and what the others say when the length stands in the next two. */
const MASKED = 0x80;
const LENGTH_OF_16_BITS = 126;
const MASK_BYTES = 4;
const ASCII_MAX = 0x7f;

export interface WholeMessage {
  /** Unmasked in place: valid as long as the bytes that it was read from. */
  readonly payload: Buffer;
  readonly binary: boolean;
  /** Where the next frame begins. */
  readonly end: number;
}

/**
 * @param bytes  What a client has sent; where a message is returned it is changed.
 * @param at     A frame begins there.
 * @returns      Undefined when it is anything else than a whole message that ws would report at once.
 */
export function readWholeMessage(bytes: Buffer, at: number, messageBytesMax: number): WholeMessage | undefined {
  const opening = bytes[at];
  if (opening !== WHOLE_TEXT && opening !== WHOLE_BINARY) return undefined;
  let payloadBytes = (bytes[at + 1] ?? 0) - MASKED;
  let maskAt = at + 2;
  if (payloadBytes === LENGTH_OF_16_BITS) {
    if (bytes.length < at + 4) return undefined;
    payloadBytes = bytes.readUInt16BE(at + 2);
    maskAt = at + 4;
    // RFC 6455 §5.2: it would have to be the short form.
    if (payloadBytes < LENGTH_OF_16_BITS) return undefined;
  } else if (payloadBytes > LENGTH_OF_16_BITS) return undefined;
  const start = maskAt + MASK_BYTES;
  const end = start + payloadBytes;
  // Without the mask bit it is negative.
  if (payloadBytes < 0 || payloadBytes > messageBytesMax || end > bytes.length) return undefined;
  const ones = unmask(bytes, maskAt, start, end);
  const payload = bytes.subarray(start, end);
  if (opening === WHOLE_TEXT && ones > ASCII_MAX && !isUtf8(payload)) {
    unmask(bytes, maskAt, start, end);
    return undefined;
  }
  return { payload, binary: opening === WHOLE_BINARY, end };
}

/** RFC 6455 §5.3; a second time it masks again. @returns  All bits that are set in any byte. */
function unmask(bytes: Buffer, maskAt: number, start: number, end: number): number {
  let ones = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]! ^ bytes[maskAt + ((at - start) & 3)]!;
    bytes[at] = byte;
    ones |= byte;
  }
  return ones;
}
