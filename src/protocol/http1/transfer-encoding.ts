/**
 * The Transfer-Encoding field (RFC 9112 §6.1 and §7, RFC 9110 §10.1.4):
 *
 *     Transfer-Encoding = #transfer-coding
 *     transfer-coding   = token *( OWS ";" OWS transfer-parameter )
 *
 * of which we know five codings without parameters: chunked, identity, gzip, deflate, compress.
 */

import { trimBlanks } from "./blanks.ts";
import { invalidHeader, unsupportedTransferCoding } from "./refusals.ts";

/** What the Transfer-Encoding fields read so far say. */
export interface TransferCodings {
  /** The body is chunked; no further coding may follow. */
  readonly chunked: boolean;
  /** The body is compressed below the chunks. It is handed on as it is, and the connection is not used again. */
  readonly compressed: boolean;
}

export const NO_CODINGS: TransferCodings = { chunked: false, compressed: false };

/**
 * Adds one Transfer-Encoding field to what the fields before it said. Items are matched whole and only SP and HTAB
 * are trimmed: `xchunked`, `"chunked"` and `chunked;a=b` are ways to make two servers disagree.
 *
 * @param value  `"gzip, chunked"`
 * @throws {ProtocolError} `unsupported-transfer-coding` for an item we do not know, also an empty one;
 *                         `bad-transfer-encoding` for anything behind `chunked`.
 * @see RFC 9112 §6.1 and §7
 */
export function addTransferCodings(before: TransferCodings, value: string): TransferCodings {
  let { chunked, compressed } = before;
  for (const item of value.split(",")) {
    const coding = trimBlanks(item).toLowerCase();
    if (coding !== "chunked" && coding !== "identity" && coding !== "gzip" && coding !== "deflate" && coding !== "compress") {
      throw unsupportedTransferCoding(value);
    }
    if (chunked) throw invalidHeader("TRANSFER-ENCODING", "bad-transfer-encoding");
    chunked = coding === "chunked";
    compressed ||= !chunked && coding !== "identity";
  }
  return { chunked, compressed };
}
