/**
 * HTTP/1 responses into bytes (RFC 9112 §4, §6 and §7; protocols §3.1): the head that the worker gave, what the gateway
 * adds to it, and a body framed so that the client can tell its end. No sockets: the bytes are returned.
 *
 *     response    = status-line CRLF *( field-line CRLF ) CRLF [ body ]
 *     status-line = HTTP-version SP status-code SP [ reason-phrase ]
 */

import type { ResponseHead } from "../../request/exchange.ts";
import type { RequestHead } from "../../request/request-head.ts";
import { prefixLines } from "./prefix-lines.ts";

/** A chunk up to this size is copied together with its framing: one small copy costs less than two more pieces to write. */
const CHUNK_COPY_BYTES_MAX = 16384;
const LAST_CHUNK = "0\r\n\r\n";
const LAST_CHUNK_LINE = "0\r\n";
const CRLF = Buffer.from("\r\n");

/** What a client waits for that sent `Expect: 100-continue` (RFC 9110 §10.1.1). */
export const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** One request's response. Either `whole`, or `start`, any number of `body`, then `end`; the bytes are written in this order. */
export class Http1Response {
  /** Another request may follow on the connection. Final after `whole` or `end`. */
  keepAlive: boolean;
  /** Body bytes given out, framing not counted: what the access log says. */
  bodyBytes = 0;
  readonly #method: string;
  readonly #protocol: string;
  readonly #mayChunk: boolean;
  #hasBody = true;
  #chunked = false;
  /** What the application's Content-Length still allows; undefined without one. */
  #bytesLeft: number | undefined;
  #endsWithConnection = false;

  /** @param mayChunk  false where nobody takes chunks apart: behind uWSGI. Such a body ends with the connection, unless it has a Content-Length. */
  constructor(request: Pick<RequestHead, "method" | "protocol" | "keepAlive">, mayChunk = true) {
    this.#mayChunk = mayChunk && request.protocol > "HTTP/1.0";
    this.#method = request.method;
    this.#protocol = request.protocol;
    this.keepAlive = request.keepAlive;
  }

  /** The body has neither length nor chunks: the client takes the connection's end for the body's (RFC 9112 §6.3, rule 8). */
  get endsWithConnection(): boolean {
    return this.#endsWithConnection;
  }

  /**
   * A 1xx response before the final one, e.g. `"103 Early Hints"`. Only for clients of HTTP/1.1 or later (RFC 9110 §15.2).
   *
   * @returns Latin-1 text.
   */
  static informational(status: string, fieldLines: string): string {
    return `HTTP/1.1 ${status}\r\n${fieldLines}\r\n`;
  }

  /**
   * The whole response in one piece: the hot path.
   *
   * @param date     Date header's value: `"Sun, 06 Nov 1994 08:49:37 GMT"`.
   * @param closing  The server wants to close the connection behind this response.
   */
  whole(head: ResponseHead, body: Buffer, date: string, closing: boolean): Buffer {
    // Here a body that is too short is known in time to announce the close.
    const short = head.contentLength !== undefined && body.length < head.contentLength;
    this.#frame(head, closing, short);
    const prefix = prefixLines(this.#protocol, head.status, date, this.keepAlive, this.#chunked);
    const fieldLines = this.#fieldLines(head);
    const sent = this.#take(body);
    const chunkSize = this.#chunked && sent.length > 0 ? chunkLine(sent.length) : "";
    const tail = this.#chunked ? (sent.length > 0 ? `\r\n${LAST_CHUNK}` : LAST_CHUNK) : "";
    const lines = `${fieldLines}\r\n${chunkSize}`;
    const bytes = Buffer.allocUnsafe(prefix.length + lines.length + sent.length + tail.length);
    let at = bytes.latin1Write(prefix, 0);
    at += bytes.latin1Write(lines, at);
    bytes.set(sent, at);
    if (tail !== "") bytes.latin1Write(tail, at + sent.length);
    return bytes;
  }

  /**
   * The head alone; `body` and `end` follow. Arguments as for `whole`.
   *
   * @returns Latin-1 text.
   */
  start(head: ResponseHead, date: string, closing: boolean): string {
    this.#frame(head, closing, false);
    return `${prefixLines(this.#protocol, head.status, date, this.keepAlive, this.#chunked)}${this.#fieldLines(head)}\r\n`;
  }

  /** @returns Pieces to write in order, none when nothing of the chunk is sent. Large chunks are not copied. */
  body(chunk: Buffer): readonly Buffer[] {
    const sent = this.#take(chunk);
    if (sent.length === 0) return []; // an empty chunk would end the body
    if (!this.#chunked) return [sent];
    const line = chunkLine(sent.length);
    if (sent.length > CHUNK_COPY_BYTES_MAX) return [Buffer.from(line, "latin1"), sent, CRLF];
    const bytes = Buffer.allocUnsafe(line.length + sent.length + CRLF.length);
    bytes.latin1Write(line, 0);
    bytes.set(sent, line.length);
    bytes.set(CRLF, line.length + sent.length);
    return [bytes];
  }

  /**
   * Ends the body. A body shorter than its Content-Length leaves the client waiting, so the connection must then close.
   *
   * @param trailerLines  `"Digest: x\r\n"`; only a chunked body has a place for them (RFC 9112 §7.1.2).
   */
  end(trailerLines = ""): string {
    if (this.#bytesLeft !== undefined && this.#bytesLeft > 0) this.keepAlive = false;
    if (!this.#chunked) return "";
    return trailerLines === "" ? LAST_CHUNK : `${LAST_CHUNK_LINE}${trailerLines}\r\n`;
  }

  /** Decides the body's framing (RFC 9112 §6.3) and whether the connection stays. */
  #frame(head: ResponseHead, closing: boolean, short: boolean): void {
    this.#hasBody = this.#method !== "HEAD" && !isBodiless(head.status);
    this.#bytesLeft = this.#hasBody ? head.contentLength : undefined;
    this.#chunked = this.#hasBody && head.contentLength === undefined && this.#mayChunk;
    this.#endsWithConnection = this.#hasBody && !this.#chunked && this.#bytesLeft === undefined;
    const hasEnd = !this.#hasBody || this.#chunked || (this.#bytesLeft !== undefined && !short);
    // Behind a 1xx the client waits for the final response, or speaks another protocol (101): the next one must not be taken for either.
    this.keepAlive = this.keepAlive && !closing && !head.close && hasEnd && !isInterim(head.status);
  }

  /** The application's lines; a status that has no body at all must not announce a length either (RFC 9110 §8.6). */
  #fieldLines(head: ResponseHead): string {
    if (head.contentLength === undefined || this.#hasBody || !forbidsContentLength(head.status)) return head.fieldLines;
    return head.fieldLines.replace(/^content-length:.*\r\n/gim, "");
  }

  /** Cuts body bytes to what the response may carry, and counts them. */
  #take(chunk: Buffer): Buffer {
    if (!this.#hasBody) {
      return chunk.subarray(0, 0);
    }
    if (this.#bytesLeft === undefined) {
      this.bodyBytes += chunk.length;
      return chunk;
    }
    const taken = Math.min(chunk.length, this.#bytesLeft);
    this.#bytesLeft -= taken;
    this.bodyBytes += taken;
    return taken === chunk.length ? chunk : chunk.subarray(0, taken);
  }
}

function chunkLine(bytes: number): string {
  return `${bytes.toString(16).toUpperCase()}\r\n`;
}

/** 1xx, 204 and 304 never have a body (RFC 9110 §6.4.1). */
export function isBodiless(status: string): boolean {
  return status.startsWith("304") || forbidsContentLength(status);
}

/** Nor may these say a length (RFC 9110 §8.6). */
export function forbidsContentLength(status: string): boolean {
  return isInterim(status) || status.startsWith("204");
}

/** 1xx: another response follows, or another protocol. */
export function isInterim(status: string): boolean {
  return status.startsWith("1");
}

const HTML_ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

/** The page of a refusal, Gunicorn's to the byte. @param text  Escaped here; latin-1. */
export function refusalBody(reason: string, text: string): string {
  const shown = text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character);
  return `<html>
  <head>
    <title>${reason}</title>
  </head>
  <body>
    <h1><p>${reason}</p></h1>
    ${shown}
  </body>
</html>
`;
}

/**
 * The whole response to a refused request, Gunicorn's to the byte: always HTTP/1.1, without Server and Date.
 *
 * @param text             Shown on the page, escaped here; latin-1.
 * @param extraFieldLines  `"Retry-After: 1\r\n"`
 * @returns                Latin-1 text. The connection is to be closed behind it.
 */
export function refusalPage(status: number, reason: string, text: string, extraFieldLines = ""): string {
  const page = refusalBody(reason, text);
  return (
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\n` +
    `${extraFieldLines}\r\n${page}`
  );
}
