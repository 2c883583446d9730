/** One HTTP/2 request and its response: what an `Http2Connection` hands to the inside of the gateway. */

import { NO_PLACE } from "../base/roster.ts";
import { refusalBody } from "../protocol/http1/response-writer.ts";
import { Http2Response } from "../protocol/http2/response-writer.ts";
import type { Http2Stream, StreamReader } from "../protocol/http2/stream.ts";
import type { BodyReader, CompletionTaker, RequestStream, ResponseHead, ResponseSink } from "../request/exchange.ts";
import type { RequestHead } from "../request/request-head.ts";
import { echoed } from "../request/request-id.ts";
import { ClientPace } from "./client-pace.ts";
import { CLIENT_LEFT_STATUS } from "./http1-exchange.ts";
import type { Http2Websocket } from "./http2-websocket.ts";
import type { ConnectionLimits, TimeLimit } from "./limits-from-settings.ts";

/** What an exchange asks of its connection. */
export interface Http2ExchangeOwner {
  /** Date header's value, made once a second. */
  readonly date: string;
  readonly limits: ConnectionLimits;
  limitReached(limit: TimeLimit, limitMs: number): void;
  /** The response is complete, or will never be. */
  exchangeDone(exchange: Http2Exchange): void;
}

export class Http2Exchange implements RequestStream, ResponseSink, StreamReader {
  readonly head: RequestHead;
  readonly arrivedMs: number;
  /** Among its connection's exchanges. */
  place = NO_PLACE;
  workerPid: number | undefined;
  completionTaker: CompletionTaker | undefined;
  workerGeneration: number | undefined;
  startedMs: number | undefined;
  onClientLeft: (() => void) | undefined;
  onClientFin: (() => void) | undefined;
  withdraw: (() => boolean) | undefined;
  /** Set by the connection when the client asks for one (RFC 8441). */
  websocket: Http2Websocket | undefined;
  /** For the access log. */
  status = 0;
  fieldLines = "";
  readonly #stream: Http2Stream;
  readonly #owner: Http2ExchangeOwner;
  readonly #response: Http2Response;
  #reader: BodyReader | undefined;
  #bodyDropped = false;
  #continued = false;
  #paused = false;
  /** Body bytes given to the reader while it was full: the client may send as many again once it is not. */
  #unconsumedBytes = 0;
  /** While a body is expected, and how much of it has come. */
  #bodyPace: ClientPace | undefined;
  #bodyBytesCome = 0;
  /** While bytes of the response wait for the client's window. */
  #responsePace: ClientPace | undefined;
  #over = false;

  constructor(stream: Http2Stream, head: RequestHead, arrivedMs: number, owner: Http2ExchangeOwner) {
    this.head = head;
    this.arrivedMs = arrivedMs;
    this.#stream = stream;
    this.#owner = owner;
    this.#response = new Http2Response(stream, head.method);
    stream.reader = this;
    stream.onAnswered = () => this.#done();
    // What comes on a WebSocket's stream is no body, and may take any time.
    if (!stream.requestEnded && stream.connectProtocol === undefined) this.#bodyPace = new ClientPace(arrivedMs, 0);
  }

  /** A stream is no connection of its own that could be given away. */
  takeOver(): undefined {
    return undefined;
  }

  get sink(): ResponseSink {
    return this;
  }

  get started(): boolean {
    return this.status !== 0;
  }

  get bodyBytes(): number {
    return this.#stream.sentBytes;
  }

  get onDrain(): (() => void) | undefined {
    return this.#response.onDrain;
  }

  set onDrain(callback: (() => void) | undefined) {
    this.#response.onDrain = callback;
  }

  // --- the request's body --------------------------------------------------------------------------------------------

  readBody(reader: BodyReader): void {
    this.#reader = reader;
  }

  allowBody(): void {
    if (!this.head.expectsContinue || this.#continued || this.started || this.#over) return;
    this.#continued = true;
    this.#response.informational("100", "");
  }

  dropBody(): void {
    this.#bodyDropped = true;
    this.#reader = undefined;
    this.resumeBody();
  }

  pauseBody(): void {
    this.#paused = true;
  }

  resumeBody(): void {
    this.#paused = false;
    const bytes = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    this.#stream.consumed(bytes);
  }

  onBody(chunk: Buffer): void {
    this.#bodyBytesCome += chunk.length;
    this.#unconsumedBytes += chunk.length;
    this.#reader?.onChunk(chunk);
    if (!this.#paused) this.resumeBody();
  }

  onBodyEnd(): void {
    this.#bodyPace = undefined;
    if (!this.#over) this.#reader?.onEnd("complete");
  }

  // --- the response --------------------------------------------------------------------------------------------------

  respond(given: ResponseHead, body: Buffer): void {
    if (this.#over) return;
    const head = this.#begin(echoed(this.head, given));
    this.#response.whole(head, body, this.#owner.date);
    this.#doneIfReset();
  }

  informational(status: string, fieldLines: string): void {
    if (!this.#over && !this.started) this.#response.informational(status, fieldLines);
  }

  start(given: ResponseHead): void {
    if (this.#over) return;
    const head = this.#begin(echoed(this.head, given));
    this.#response.start(head, this.#owner.date);
    this.#doneIfReset();
  }

  body(chunk: Buffer): boolean {
    return this.#over || this.#response.body(chunk);
  }

  end(trailerLines = ""): void {
    if (this.#over) return;
    this.#response.end(trailerLines);
    this.#doneIfReset();
  }

  /** A response that cannot be right was reset, and nothing more is heard of it. */
  #doneIfReset(): void {
    if (this.#stream.closed) this.#done();
  }

  abort(): void {
    if (this.#over) return;
    this.#stream.reset("INTERNAL_ERROR");
    this.#done();
  }

  refuse(status: number, reason: string, text: string, extraFieldLines = ""): void {
    if (this.#over || this.started) {
      this.abort();
      return;
    }
    const page = Buffer.from(refusalBody(reason, text), "latin1");
    const fieldLines = `Content-Type: text/html\r\nContent-Length: ${page.length}\r\n${extraFieldLines}`;
    this.respond({ status: String(status), fieldLines, contentLength: page.length, close: false }, page);
  }

  /** @returns The head as this client is to be given it. */
  #begin(given: ResponseHead): ResponseHead {
    const head = this.websocket === undefined ? given : this.websocket.answerOf(given);
    this.status = Number.parseInt(head.status, 10);
    this.fieldLines = head.fieldLines;
    return head;
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  /** The stream has ended before its response was complete. */
  onLeft(): void {
    if (this.#over) return;
    if (this.status === 0) this.status = CLIENT_LEFT_STATUS;
    this.onClientLeft?.();
    this.#done();
  }

  /** The client sends nothing more and has not been answered for long: a request that no worker has is given up. */
  giveUpQueued(): void {
    if (this.withdraw?.() === true) this.cut();
  }

  /** Ends the stream without telling the inside, which knows. */
  cut(): void {
    if (this.#over) return;
    if (this.status === 0) this.status = CLIENT_LEFT_STATUS;
    this.#stream.reset("CANCEL");
    this.#done();
  }

  #done(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.exchangeDone(this);
  }

  /** Carries out what has become due. */
  sweep(now: number): void {
    this.#watchBody(now);
    if (!this.#over) this.#watchResponse(now);
  }

  #watchBody(now: number): void {
    const { bodyMs } = this.#owner.limits;
    const mayWait = this.#paused || this.#bodyDropped || (this.head.expectsContinue && !this.#continued);
    if (mayWait) this.#bodyPace?.restart(now, this.#bodyBytesCome);
    else if (this.#bodyPace?.isTooSlow(now, this.#bodyBytesCome, bodyMs)) {
      this.#owner.limitReached("body-timeout", bodyMs);
      this.onClientLeft?.();
      this.refuse(408, "Request Timeout", "The request's body did not come in time");
    }
  }

  /** A client that opens no window holds a worker's answer as one that does not read does. */
  #watchResponse(now: number): void {
    const { writeMs } = this.#owner.limits;
    const { pendingBytes, sentBytes } = this.#stream;
    if (pendingBytes === 0) this.#responsePace = undefined;
    else this.#responsePace ??= new ClientPace(now, sentBytes);
    if (!this.#responsePace?.isTooSlow(now, sentBytes, writeMs)) return;
    this.#owner.limitReached("write-timeout", writeMs);
    this.onClientLeft?.();
    this.cut();
  }
}
