/** Line ends in bytes (RFC 9112 §2.2): `CRLF = CR LF`; neither ends a line alone. */

export const CR = 0x0d;
export const LF = 0x0a;
export const CRLF_BYTES = 2;

/** Offset of the first LF from `from` on, or -1. Unlike `Buffer.indexOf` it knows an end. */
export function findLineFeed(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    if (bytes[at] === LF) return at;
  }
  return -1;
}
