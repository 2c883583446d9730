/**
 * HTTP/1 requests out of a connection's bytes (RFC 9112):
 *
 *     HTTP-message = request-line CRLF *( field-line CRLF ) CRLF [ message-body ]
 *
 * No sockets and no time: bytes go in, one request at a time comes out. The bytes that follow a request are held until
 * its answer is done. What comes out does not depend on how the input was cut; only the length named by "Request Line is
 * too large" is the length seen so far, as with Gunicorn.
 */

import { ProtocolError } from "../../request/protocol-error.ts";
import type { Peer, RequestHead } from "../../request/request-head.ts";
import type { RequestHandler } from "../request-parser.ts";
import { SequentialParser } from "../sequential-parser.ts";
import { NO_BODY, type RequestFraming, requestFraming } from "./body-framing.ts";
import { ChunkedReader } from "./chunked-reader.ts";
import { wantsKeepAlive } from "./connection-options.ts";
import { parseFieldLines } from "./field-lines.ts";
import { LastHead } from "./last-head.ts";
import { CR, CRLF_BYTES, findLineFeed, LF } from "./octets.ts";
import type { Http1Policy } from "./policy.ts";
import { invalidRequestLine, requestLineTooLong } from "./refusals.ts";
import { RequestFields } from "./request-fields.ts";
import { parseRequestLine, type RequestLine } from "./request-line.ts";
import { findSectionEnd, findWholeSectionEnd } from "./section-end.ts";
import type { TrailerFields } from "./trailer-fields.ts";

/** The body being read: bytes left of a Content-Length, or chunks. */
type Body = { kind: "length"; bytesLeft: number } | { kind: "chunked"; reader: ChunkedReader };

export class Http1Parser extends SequentialParser {
  readonly #policy: Http1Policy;
  readonly #peer: Peer;
  /** Bytes of the incomplete head that were searched for the end of its line or section, in vain. */
  #searchedBytes = 0;
  /** The incomplete head's request line, once it is whole. */
  #line: RequestLine | undefined;
  #body: Body | undefined;
  readonly #last = new LastHead();

  constructor(policy: Http1Policy, peer: Peer, handler: RequestHandler) {
    super(handler);
    this.#policy = policy;
    this.#peer = peer;
  }

  override get headStarted(): boolean {
    return super.headStarted || this.#line !== undefined;
  }

  /** Trailer fields of the chunked body just read; undefined when the last body was not chunked. WSGI has no place for them. */
  get trailers(): TrailerFields | undefined {
    return this.#body?.kind === "chunked" ? this.#body.reader.trailers : undefined;
  }

  override close(): void {
    super.close();
    this.#line = undefined;
    this.#last.forget();
  }

  protected finish(): void {
    const body = this.#body;
    if (this.awaiting === "body" && body?.kind === "length") {
      this.endBody("short");
      return;
    }
    const { bytes, start, end } = this.held;
    if (this.awaiting === "body" && body?.kind === "chunked") body.reader.eof(bytes, start, end);
    this.close();
    this.handler.onClose();
  }

  override idle(): void {
    this.#last.forget();
  }

  protected readHead(): boolean {
    // Undefined when the line was read earlier: the last head is looked for in one piece.
    const headBytes = this.#line === undefined ? this.held.bytes : undefined;
    const headStart = this.held.start;
    const again = headBytes && this.#last.match(this.held);
    if (again !== undefined) {
      this.#searchedBytes = 0;
      this.#body = undefined;
      this.headRead(again, false);
      return true;
    }
    this.#line ??= this.#readRequestLine();
    if (this.#line === undefined) return false;
    const { bytes, start, end } = this.held;
    const { headerSection } = this.#policy;
    const wholeEnd = this.#searchedBytes > 0 ? -1 : findWholeSectionEnd(bytes, start, end, headerSection);
    const next = wholeEnd < 0 ? findSectionEnd(bytes, start, start + this.#searchedBytes, end, headerSection) : wholeEnd;
    if (next < 0) {
      this.#searchedBytes = end - start;
      return false;
    }
    const line = this.#line;
    this.#searchedBytes = 0;
    this.#line = undefined;
    this.held.consume(next);
    const head = this.#readFields(line, bytes, start, next);
    this.#body = bodyOf(head, this.#policy);
    if (headBytes === bytes && this.#body === undefined && head.keepAlive) this.#last.note(bytes, headStart, next, head);
    this.headRead(head, this.#body !== undefined);
    return true;
  }

  /** Reads the request line, and one empty line before it, which some clients send behind a body (RFC 9112 §2.2). */
  #readRequestLine(): RequestLine | undefined {
    const { bytes, start, end } = this.held;
    const lineStart = bytes[start] === CR && start + 1 < end && bytes[start + 1] === LF ? start + CRLF_BYTES : start;
    const lineFeed = findLineFeed(bytes, Math.max(lineStart, start + this.#searchedBytes), end);
    const bytesMax = this.#policy.requestLineBytesMax;
    const seenBytes = (lineFeed < 0 ? end : lineFeed) - lineStart;
    // Two bytes of grace, for the CRLF: only then a line is surely too long, wherever the input was cut.
    if (seenBytes - CRLF_BYTES > bytesMax) throw requestLineTooLong(seenBytes, bytesMax);
    if (lineFeed < 0) {
      this.#searchedBytes = end - start;
      return undefined;
    }
    if (lineFeed === lineStart || bytes[lineFeed - 1] !== CR) throw invalidRequestLine("bare LF as line terminator");
    const lineBytes = lineFeed - 1 - lineStart;
    if (lineBytes > bytesMax) throw requestLineTooLong(lineBytes, bytesMax);
    const line = parseRequestLine(bytes.latin1Slice(lineStart, lineFeed - 1), this.#policy);
    this.#searchedBytes = 0;
    this.held.consume(lineFeed + 1);
    return line;
  }

  #readFields(line: RequestLine, bytes: Buffer, start: number, end: number): RequestHead {
    const fields = new RequestFields(this.#policy, this.#peer, line.version);
    let framing = NO_BODY;
    try {
      parseFieldLines(bytes.latin1Slice(start, end - CRLF_BYTES), this.#policy, fields);
      if (fields.framing !== undefined) framing = requestFraming(fields.framing, line.version);
    } catch (error) {
      findSectionEnd(bytes, start, start, end, this.#policy.headerSection);
      if (error instanceof ProtocolError) this.head = loggedHead(error, requestHead(line, fields, this.#peer, NO_BODY));
      throw error;
    }
    return requestHead(line, fields, this.#peer, framing);
  }

  protected readBody(): boolean {
    const { bytes, start, end } = this.held;
    if (start === end || this.#body === undefined) return false;
    if (this.#body.kind === "length") {
      const next = Math.min(end, start + this.#body.bytesLeft);
      this.#body.bytesLeft -= next - start;
      this.held.consume(next);
      this.bodyRead(bytes.subarray(start, next));
      if (this.awaiting === "body" && this.#body.bytesLeft === 0) this.endBody("complete");
      return true;
    }
    const { reader } = this.#body;
    const next = reader.read(bytes, start, end);
    this.held.consume(next);
    if (reader.piece !== undefined) this.bodyRead(reader.piece);
    else if (reader.done) this.endBody("complete");
    return next > start;
  }
}

function requestHead(line: RequestLine, fields: RequestFields, peer: Peer, { framing, compressed }: RequestFraming): RequestHead {
  return {
    peer,
    method: line.method,
    target: line.target,
    path: line.path,
    rawPath: line.rawPath,
    query: line.query,
    protocol: line.protocol,
    scheme: fields.scheme,
    scriptName: fields.scriptName,
    names: fields.names,
    values: fields.values,
    framing,
    expectsContinue: fields.expectsContinue,
    // Behind a CONNECT come a tunnel's bytes, whatever was answered (RFC 9110 §9.3.6); behind a body that we cannot decode, who knows.
    keepAlive: !compressed && line.method !== "CONNECT" && wantsKeepAlive(fields.connection, line.version),
  };
}

/** The head to log for a refusal: Gunicorn has one for faults of framing, and without fields for repeated ones. */
function loggedHead(error: ProtocolError, head: RequestHead): RequestHead | undefined {
  if (error.code === "bad-content-length" || error.code === "bad-transfer-encoding") return head;
  return error.code === "repeated-header" ? { ...head, names: [], values: [] } : undefined;
}

function bodyOf(head: RequestHead, policy: Http1Policy): Body | undefined {
  switch (head.framing.kind) {
    case "none":
      return undefined;
    case "length":
      return { kind: "length", bytesLeft: head.framing.bytes };
    case "chunked":
      return { kind: "chunked", reader: new ChunkedReader(policy) };
  }
}
