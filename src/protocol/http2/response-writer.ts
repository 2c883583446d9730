/**
 * Responses of workers on a stream of HTTP/2 (RFC 9113 §8.1): what `Http1Response` is for HTTP/1, under the same rules. Which
 * responses have a body, and how long it may be, does not depend on the protocol.
 */

import type { ResponseHead } from "../../request/exchange.ts";
import { forbidsContentLength, isBodiless, isInterim } from "../http1/response-writer.ts";
import { plainFields, responseFields } from "./response-fields.ts";
import type { BodySource, Http2Stream } from "./stream.ts";

/** A worker's chunk is taken whole; beyond so many bytes it is asked to wait (`body` gives false). Two full frames: one goes while the next comes. */
const WAITING_BYTES_MAX = 32768;

/** One request's response. Either `whole`, or `start`, any number of `body`, then `end`. */
export class Http2Response implements BodySource {
  ended = false;
  trailers: BodySource["trailers"];
  /** Set by the user; called when more is wanted, after `body` gave false. */
  onDrain: (() => void) | undefined;
  readonly #stream: Http2Stream;
  readonly #method: string;
  #hasBody = true;
  /** What the application's Content-Length still allows; undefined without one. */
  #bytesLeft: number | undefined;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #awaitsDrain = false;

  constructor(stream: Http2Stream, method: string) {
    this.#stream = stream;
    this.#method = method;
  }

  /** Bytes that wait for the client. */
  get size(): number {
    return this.#size;
  }

  informational(status: string, fieldLines: string): void {
    this.#stream.informational(Number.parseInt(status, 10), plainFields(fieldLines));
  }

  /** @param body  Valid during the call only. @param date  Date header's value. */
  whole(head: ResponseHead, body: Buffer, date: string): void {
    this.#begin(head);
    const sent = this.#take(body);
    const fields = responseFields(head.fieldLines, date, !forbidsContentLength(head.status));
    if (!this.#isComplete) this.#startShort(head, fields, sent);
    else this.#stream.respond(Number.parseInt(head.status, 10), fields, sent);
  }

  start(head: ResponseHead, date: string): void {
    this.#begin(head);
    const fields = responseFields(head.fieldLines, date, !forbidsContentLength(head.status));
    this.#stream.start(Number.parseInt(head.status, 10), fields, this.#hasBody ? this : undefined);
  }

  /** @returns false when the client is slow: wait for `onDrain`. */
  body(chunk: Buffer): boolean {
    const sent = this.#take(chunk);
    if (sent.length > 0) this.#push(sent);
    this.#awaitsDrain = this.#size > WAITING_BYTES_MAX;
    return !this.#awaitsDrain;
  }

  /** @param trailerLines  `"Digest: x\r\n"`. */
  end(trailerLines = ""): void {
    if (!this.#hasBody || this.ended) return;
    this.ended = true;
    if (!this.#isComplete) {
      // The client counts too: it must not take the end of the stream for the body's.
      this.#stream.reset("INTERNAL_ERROR");
      return;
    }
    if (trailerLines !== "") this.trailers = plainFields(trailerLines);
    this.#stream.dataReady();
  }

  /** Called by the connection when bytes may go. */
  read(bytesMax: number): Buffer {
    const first = this.#chunks[0]!;
    const bytes = first.length > bytesMax ? first.subarray(0, bytesMax) : first;
    if (bytes === first) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytesMax);
    this.#size -= bytes.length;
    if (this.#awaitsDrain && this.#size <= WAITING_BYTES_MAX) {
      this.#awaitsDrain = false;
      this.onDrain?.();
    }
    return bytes;
  }

  /** A body shorter than its length: what there is is sent, and the stream then reset. */
  #startShort(head: ResponseHead, fields: ReturnType<typeof responseFields>, sent: Buffer): void {
    this.#stream.start(Number.parseInt(head.status, 10), fields, this);
    if (sent.length > 0) this.#push(Buffer.from(sent));
    this.end();
  }

  #begin(head: ResponseHead): void {
    // No final response, and there is no other protocol to switch to (RFC 9113 §8.6).
    if (isInterim(head.status)) this.#stream.reset("INTERNAL_ERROR");
    this.#hasBody = this.#method !== "HEAD" && !isBodiless(head.status);
    this.#bytesLeft = this.#hasBody ? head.contentLength : undefined;
  }

  get #isComplete(): boolean {
    return this.#bytesLeft === undefined || this.#bytesLeft === 0;
  }

  #push(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    this.#stream.dataReady();
  }

  /** Cuts body bytes to what the response may carry. */
  #take(chunk: Buffer): Buffer {
    if (!this.#hasBody) return chunk.subarray(0, 0);
    const taken = this.#bytesLeft === undefined ? chunk.length : Math.min(chunk.length, this.#bytesLeft);
    if (this.#bytesLeft !== undefined) this.#bytesLeft -= taken;
    return taken === chunk.length ? chunk : chunk.subarray(0, taken);
  }
}
