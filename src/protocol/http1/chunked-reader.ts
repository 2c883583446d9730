/**
 * The chunked body (RFC 9112 §7.1):
 *
 *     chunked-body = *chunk last-chunk trailer-section CRLF
 *     chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 *     chunk-size   = 1*HEXDIG
 *     last-chunk   = 1*"0" [ chunk-ext ] CRLF
 *     chunk-ext    = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
 */

import { trimBlanksEnd } from "./blanks.ts";
import { parseFieldLines } from "./field-lines.ts";
import { CR, CRLF_BYTES, findLineFeed, LF } from "./octets.ts";
import type { Http1Policy } from "./policy.ts";
import { invalidChunkExtension, invalidChunkSize, missingChunkTerminator } from "./refusals.ts";
import { findSectionEnd } from "./section-end.ts";
import { TOKEN } from "./token.ts";
import { TrailerFields } from "./trailer-fields.ts";

const HEX_DIGITS = /^[0-9A-Fa-f]+$/;
/** RFC 9110 §5.6.4 */
const QUOTED_STRING = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const EXTENSIONS = new RegExp(`^(?:[ \\t]*;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED_STRING}))?)*$`);

type State =
  | { at: "size" }
  | { at: "data"; bytesLeft: number }
  | { at: "data-end" }
  | { at: "trailers" }
  /** The section's last CRLF has been read; the next request may follow. */
  | { at: "done" };

/**
 * Reads one chunked body out of the bytes that its owner holds. It keeps none itself: what it cannot use yet stays
 * with the owner, who calls again with the same bytes and more behind them.
 */
export class ChunkedReader {
  /** Body bytes found by the last `read`, a view of what was given; undefined when it found none. */
  piece: Buffer | undefined;
  readonly trailers: TrailerFields;
  readonly #policy: Http1Policy;
  #state: State = { at: "size" };
  /** Bytes behind the read position that were searched for the end of a line or section, in vain. */
  #searchedBytes = 0;

  constructor(policy: Http1Policy) {
    this.#policy = policy;
    this.trailers = new TrailerFields(policy);
  }

  get done(): boolean {
    return this.#state.at === "done";
  }

  /**
   * Reads up to the end of one element: a size line, a piece of data, a chunk's CRLF, the trailer section.
   *
   * @returns Where to go on; `start` when more bytes are needed.
   * @throws {ProtocolError} `bad-chunk`, and for trailers those of `parseFieldLines`, `bad-header` and `headers-too-large`.
   */
  read(bytes: Buffer, start: number, end: number): number {
    this.piece = undefined;
    switch (this.#state.at) {
      case "size":
        return this.#readSize(bytes, start, end);
      case "data":
        return this.#readData(bytes, start, end, this.#state.bytesLeft);
      case "data-end":
        return this.#readDataEnd(bytes, start, end);
      case "trailers":
        return this.#readTrailers(bytes, start, end);
      case "done":
        return start;
    }
  }

  /**
   * Called when the input ends before the body does; the arguments are the bytes not yet read.
   *
   * @throws {ProtocolError} `bad-chunk` where a chunk's or the body's closing CRLF is all that is missing: that body was cut
   *                         by its sender. Elsewhere the connection just broke.
   */
  eof(bytes: Buffer, start: number, end: number): void {
    if (this.#state.at === "data-end") throw missingChunkTerminator(bytes.latin1Slice(start, end));
    if (this.#state.at === "trailers") throw missingChunkTerminator("");
  }

  #readSize(bytes: Buffer, start: number, end: number): number {
    const lineFeed = findCrlf(bytes, start, start + this.#searchedBytes, end);
    const seenBytes = (lineFeed < 0 ? end : lineFeed) - start;
    if (seenBytes > this.#policy.fieldBytesMax) {
      throw invalidChunkSize(`line over ${this.#policy.fieldBytesMax} bytes with no terminator`);
    }
    if (lineFeed < 0) {
      this.#searchedBytes = seenBytes;
      return start;
    }
    this.#searchedBytes = 0;
    const bytesLeft = parseChunkLine(bytes.latin1Slice(start, lineFeed - 1));
    this.#state = bytesLeft > 0 ? { at: "data", bytesLeft } : { at: "trailers" };
    return lineFeed + 1;
  }

  #readData(bytes: Buffer, start: number, end: number, bytesLeft: number): number {
    const next = Math.min(end, start + bytesLeft);
    if (next > start) this.piece = bytes.subarray(start, next);
    const stillLeft = bytesLeft - (next - start);
    this.#state = stillLeft > 0 ? { at: "data", bytesLeft: stillLeft } : { at: "data-end" };
    return next;
  }

  #readDataEnd(bytes: Buffer, start: number, end: number): number {
    if (end - start < CRLF_BYTES) return start;
    if (bytes[start] !== CR || bytes[start + 1] !== LF) throw missingChunkTerminator(bytes.latin1Slice(start, start + CRLF_BYTES));
    this.#state = { at: "size" };
    return start + CRLF_BYTES;
  }

  #readTrailers(bytes: Buffer, start: number, end: number): number {
    const policy = this.#policy;
    const next = findSectionEnd(bytes, start, start + this.#searchedBytes, end, policy.trailerSection);
    if (next < 0) {
      this.#searchedBytes = end - start;
      return start;
    }
    parseFieldLines(bytes.latin1Slice(start, next - CRLF_BYTES), policy, this.trailers);
    this.#state = { at: "done" };
    return next;
  }
}

/** Offset of the first LF behind a CR, searching from `from`; -1 when there is none. */
function findCrlf(bytes: Buffer, start: number, from: number, end: number): number {
  for (let at = findLineFeed(bytes, from, end); at >= 0; at = findLineFeed(bytes, at + 1, end)) {
    if (at > start && bytes[at - 1] === CR) return at;
  }
  return -1;
}

/**
 * @param line  A chunk's first line without its CRLF: `"1a;name=value"`.
 * @returns     Size of the chunk in bytes; what the extensions say is ignored, as RFC 9112 §7.1.1 asks of those not understood.
 * @throws {ProtocolError} `bad-chunk`, also for a size over 2^53 - 1, where counting would no longer be exact.
 */
export function parseChunkLine(line: string): number {
  const semicolon = line.indexOf(";");
  // Blanks may stand before an extension, and only there.
  const digits = semicolon < 0 ? line : trimBlanksEnd(line.slice(0, semicolon));
  const extensions = semicolon < 0 ? "" : line.slice(semicolon);
  if (extensions.includes("\r")) throw invalidChunkExtension("bare CR not allowed");
  if (!HEX_DIGITS.test(digits)) throw invalidChunkSize(digits);
  if (!EXTENSIONS.test(extensions)) throw invalidChunkExtension("invalid chunk extension");
  const bytes = Number.parseInt(digits, 16);
  if (!Number.isSafeInteger(bytes)) throw invalidChunkSize(digits);
  return bytes;
}
