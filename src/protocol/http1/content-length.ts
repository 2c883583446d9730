import { invalidHeader } from "./refusals.ts";

/**
 * Reads one Content-Length value:
 *
 *     Content-Length = 1*DIGIT
 *
 * @param value  As received, outer blanks trimmed: `"42"`.
 * @returns      Body size in bytes.
 * @throws {ProtocolError} `bad-content-length` for anything but digits, and over 2^53 - 1, where counting would no longer be exact.
 * @see RFC 9110 §8.6. It lets a server merge "42, 42" or refuse it; we refuse, because a
 *      proxy that merged differently would see another end to this message.
 */
export function parseContentLength(value: string): number {
  const bytes = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw invalidHeader("CONTENT-LENGTH", "bad-content-length");
  return bytes;
}
