/**
 * Finds the end of a header or trailer section, at the first byte that tells (RFC 9112 §2.1 and §7.1.2):
 *
 *     section = *( field-line CRLF ) CRLF
 */

import { CR, LF } from "./octets.ts";
import { headersTooLarge, invalidHeader } from "./refusals.ts";

/** How long a section may be. */
export interface SectionLimit {
  /** Bytes without an end in sight. */
  readonly bytesMax: number;
  /** Bytes when the last one is the end: Gunicorn looks for the end of a trailer section before it counts, so one more. */
  readonly wholeBytesMax: number;
  /** What a refusal calls it: `max buffer headers`. */
  readonly name: string;
}

const EMPTY_LINE = "\r\n\r\n";

/**
 * Looks for the end of a section that has come whole, in a quarter of the time that `findSectionEnd` takes: bare LFs are not looked for.
 * Whoever reads the lines finds a control character then, and must call `findSectionEnd` before that is reported: the bare LF is the
 * first fault.
 *
 * @returns  Offset behind the empty line; -1 when that is not sure: the end has not come, the limit is near, or the section is empty.
 */
export function findWholeSectionEnd(bytes: Buffer, start: number, end: number, limit: SectionLimit): number {
  if (bytes[start] === CR) return -1;
  const found = bytes.indexOf(EMPTY_LINE, start, "latin1");
  const next = found + EMPTY_LINE.length;
  return found < 0 || next > end || next - start > Math.min(limit.bytesMax, limit.wholeBytesMax) ? -1 : next;
}

/**
 * Scans for the empty line that ends a section. Whatever was scanned before is not looked at again, so a section that
 * comes byte by byte costs no more than one that comes whole.
 *
 * @param start     Where the section starts, right behind the CRLF of the line before it.
 * @param from      First byte not scanned yet, at least `start`.
 * @param end       End of the bytes received.
 * @param limit     Counts the empty line too.
 * @returns         Offset behind the empty line, or -1 when it has not come yet.
 * @throws {ProtocolError} `bad-header` for a bare LF (RFC 9112 §2.2 lets us take it as a line end; a proxy might not), `headers-too-large`.
 */
export function findSectionEnd(bytes: Buffer, start: number, from: number, end: number, limit: SectionLimit): number {
  for (let at = from; at < end; at += 1) {
    if (bytes[at] !== LF) continue;
    const endsLine = at > start && bytes[at - 1] === CR;
    const endsSection = endsLine && (at - 1 === start || bytes[at - 2] === LF);
    if (at - start >= (endsSection ? limit.wholeBytesMax : limit.bytesMax)) throw headersTooLarge(limit.name);
    if (!endsLine) throw invalidHeader("bare LF as line terminator");
    if (endsSection) return at + 1;
  }
  if (end - start > limit.bytesMax) throw headersTooLarge(limit.name);
  return -1;
}
