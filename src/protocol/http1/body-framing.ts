/**
 * Where a request's body ends (RFC 9112 §6.3). Of its rules these are left for requests, when doubt is refused:
 *
 *     Transfer-Encoding   ends in chunked, HTTP/1.1 or later, no Content-Length: chunks
 *     Content-Length      once, 1*DIGIT: that many bytes
 *     neither             no body
 */

import type { BodyFraming } from "../../request/request-head.ts";
import { parseContentLength } from "./content-length.ts";
import { invalidHeader } from "./refusals.ts";
import { HTTP_1_1 } from "./request-line.ts";
import { addTransferCodings, NO_CODINGS } from "./transfer-encoding.ts";

/** One Content-Length or Transfer-Encoding field. */
export interface FramingField {
  readonly kind: "content-length" | "transfer-encoding";
  readonly value: string;
}

export interface RequestFraming {
  readonly framing: BodyFraming;
  /** The body is compressed, so the connection closes after this request. */
  readonly compressed: boolean;
}

export const NO_BODY: RequestFraming = { framing: { kind: "none" }, compressed: false };
const CHUNKED: BodyFraming = { kind: "chunked" };

/**
 * Decides how the end of a request's body is found (RFC 9112 §6.3). A request is never read until the connection closes.
 *
 * @param fields   The framing fields of the request in order. `Content-Length: 0` is no body.
 * @param version  As in RequestLine: 11 for HTTP/1.1.
 * @throws {ProtocolError} `bad-content-length`: repeated, or with chunks; `bad-transfer-encoding`: not ending in
 *                         `chunked`, or before HTTP/1.1; `unsupported-transfer-coding`.
 */
export function requestFraming(fields: readonly FramingField[], version: number): RequestFraming {
  let contentLength: string | undefined;
  let codings = NO_CODINGS;
  let hasTransferEncoding = false;
  for (const { kind, value } of fields) {
    if (kind === "content-length") {
      if (contentLength !== undefined) throw invalidHeader("CONTENT-LENGTH", "bad-content-length");
      contentLength = value;
    } else {
      hasTransferEncoding = true;
      codings = addTransferCodings(codings, value);
    }
  }
  if (hasTransferEncoding) {
    if (!codings.chunked || version < HTTP_1_1) throw invalidHeader("TRANSFER-ENCODING", "bad-transfer-encoding");
    // With both, two readers could see two ends: the classic request smuggling (RFC 9112 §11.2).
    if (contentLength !== undefined) throw invalidHeader("CONTENT-LENGTH", "bad-content-length");
    return { framing: CHUNKED, compressed: codings.compressed };
  }
  if (contentLength === undefined) return NO_BODY;
  const bytes = parseContentLength(contentLength);
  return bytes === 0 ? NO_BODY : { framing: { kind: "length", bytes }, compressed: false };
}
