/** A client's frames, read by the package ws, with what it leaves out; and the close code that each fault stands for. */

import { type Extensions, Receiver } from "ws";

/**
 * Pieces that one message may come in. Each takes an object of a hundred bytes, so that a message of one-byte pieces would take a hundred
 * times its size. Senders that stream cut pieces of kilobytes: 16 MiB in pieces of 1 KiB are a quarter of this.
 */
const FRAGMENTS_MAX = 65536;

/** State of ws's Receiver before a frame. */
const BEFORE_FRAME = 0;
/** States of ws's Receiver, in which `haveLength` is called. */
const LENGTH_OF_16_BITS = 1;
const LENGTH_OF_64_BITS = 2;
const LENGTH_OF_7_BITS_MAX = 125;
const LENGTH_OF_16_BITS_MAX = 65535;

const NON_MINIMAL = "WS_ERR_NON_MINIMAL_LENGTH";

/** RFC 6455 §5.2: "the minimal number of bytes MUST be used to encode the length". ws takes any, Gunicorn does not. */
export class StrictReceiver extends Receiver {
  /** Has read all that it was given, and what comes begins a message, or stands between two. */
  get betweenMessages(): boolean {
    return this._state === BEFORE_FRAME && this._bufferedBytes === 0 && this._fragmented === 0;
  }

  protected override haveLength(done: (error?: Error) => void): void {
    const min = this._state === LENGTH_OF_16_BITS ? LENGTH_OF_7_BITS_MAX : this._state === LENGTH_OF_64_BITS ? LENGTH_OF_16_BITS_MAX : -1;
    if (this._payloadLength > min) super.haveLength(done);
    else done(this.createError(Error, "non-minimal length", true, 1002, NON_MINIMAL));
  }
}

export function makeReceiver(extensions: Extensions, messageBytesMax: number): StrictReceiver {
  return new StrictReceiver({ isServer: true, extensions, maxPayload: messageBytesMax, maxFragments: FRAGMENTS_MAX });
}

/** How a connection is failed (RFC 6455 §7.1.7). */
export interface Failure {
  readonly code: number;
  /** Gunicorn's words. */
  readonly reason: string;
}

const FAILURES: Readonly<Record<string, Failure>> = {
  WS_ERR_UNEXPECTED_RSV_1: { code: 1002, reason: "RSV bits set" },
  WS_ERR_UNEXPECTED_RSV_2_3: { code: 1002, reason: "RSV bits set" },
  WS_ERR_EXPECTED_MASK: { code: 1002, reason: "Frame not masked" },
  WS_ERR_EXPECTED_FIN: { code: 1002, reason: "Invalid control frame" },
  WS_ERR_INVALID_CLOSE_CODE: { code: 1002, reason: "Invalid close code" },
  WS_ERR_INVALID_UTF8: { code: 1007, reason: "Invalid UTF-8" },
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { code: 1009, reason: "Message too big" },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { code: 1009, reason: "Message too big" },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { code: 1008, reason: "Too many fragments" },
  [NON_MINIMAL]: { code: 1002, reason: "Non-minimal length" },
};

/** zlib's own errors have no entry: what was sent as compressed cannot be inflated. */
const NOT_INFLATABLE: Failure = { code: 1007, reason: "Invalid compressed data" };

/** @param error  What a Receiver emitted. */
export function failureOf(error: Error & { readonly code?: string }): Failure {
  const { code = "" } = error;
  if (code === "WS_ERR_INVALID_OPCODE") return { code: 1002, reason: opcodeReason(error.message) };
  if (code === "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH") return { code: 1002, reason: lengthReason(error.message) };
  return FAILURES[code] ?? NOT_INFLATABLE;
}

/** ws has one code for three faults, and says the opcode. @param message  `"Invalid WebSocket frame: invalid opcode 0"` */
function opcodeReason(message: string): string {
  const opcode = Number(/ (\d+)$/.exec(message)?.[1]);
  if (opcode === 0) return "Unexpected continuation";
  return opcode === 1 || opcode === 2 ? "Expected continuation" : "Reserved opcode";
}

/** A close frame of one byte is too short, other control frames are too long. @param message  `"Invalid WebSocket frame: invalid payload length 1"` */
function lengthReason(message: string): string {
  return message.endsWith(" 1") ? "Invalid close payload" : "Invalid control frame";
}
