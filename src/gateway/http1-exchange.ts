/** One HTTP/1 request and its response: what an `Http1Connection` hands to the inside of the gateway. */

import { createHash } from "node:crypto";
import { CONTINUE, Http1Response, refusalPage } from "../protocol/http1/response-writer.ts";
import { asksForWebsocket, checkHandshake, joinedField } from "../protocol/websocket/handshake.ts";
import type {
  BodyEnd,
  BodyReader,
  CompletionTaker,
  ConnectionTunnel,
  RequestStream,
  ResponseHead,
  ResponseSink,
  Tunnel,
  TunnelUser,
  WebsocketHandshake,
} from "../request/exchange.ts";
import type { RequestHead } from "../request/request-head.ts";
import { echoed } from "../request/request-id.ts";

/** What an exchange asks of its connection. */
export interface ExchangeConnection {
  /** Date header's value, made once a second. */
  readonly date: string;
  /** The connection will be closed after this response: the server stops, or the client sent FIN. */
  readonly closing: boolean;
  /** Answers without a Content-Length may be chunked. */
  readonly chunking: boolean;
  /** What is written in this turn leaves in one system call. */
  cork(): void;
  /** @returns false when the client is slow. */
  write(bytes: Buffer | string): boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** The response is complete. @param reuse  The connection's framing is intact: another request may follow. */
  exchangeDone(exchange: Http1Exchange, reuse: boolean): void;
  /** Cuts the connection. */
  cut(exchange: Http1Exchange): void;
  /** What the client sends behind this exchange is no HTTP; `exchange` stays what the access log says of it. */
  openTunnel(exchange: Http1Exchange, user: TunnelUser): ExchangeTunnel;
  /** The exchange is answered in HTTP after all. */
  closeTunnel(): void;
}

/** A tunnel, and how many bytes the client was given through it. */
export interface ExchangeTunnel extends ConnectionTunnel {
  readonly sentBytes: number;
}

/** RFC 6455 §1.3: what a server adds to the key, to show that it has understood. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What an application's own head says: `HTTP/1.1 101 Switching Protocols`. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/;
const STATUS_LINE_BYTES = 13;
/** For the log: of a WebSocket, and of an application that speaks something else. */
const SWITCHING_PROTOCOLS = 101;

/** Of a request whose client left before the answer began; nobody receives it. nginx's number, which log tools know. */
export const CLIENT_LEFT_STATUS = 499;

export class Http1Exchange implements RequestStream, ResponseSink {
  readonly head: RequestHead;
  readonly arrivedMs: number;
  workerPid: number | undefined;
  completionTaker: CompletionTaker | undefined;
  workerGeneration: number | undefined;
  startedMs: number | undefined;
  onClientLeft: (() => void) | undefined;
  onClientFin: (() => void) | undefined;
  withdraw: (() => boolean) | undefined;
  onDrain: (() => void) | undefined;
  /** For the access log. */
  status = 0;
  fieldLines = "";
  readonly #connection: ExchangeConnection;
  readonly #response: Http1Response;
  #reader: BodyReader | undefined;
  #bodyEnd: BodyEnd | undefined;
  #bodyDropped = false;
  #paused = false;
  #continued = false;
  #over = false;
  #tunnel: ExchangeTunnel | undefined;
  #answeredInTunnel = false;

  constructor(head: RequestHead, arrivedMs: number, connection: ExchangeConnection) {
    this.head = head;
    this.arrivedMs = arrivedMs;
    this.#connection = connection;
    this.#response = new Http1Response(head, connection.chunking);
    if (head.framing.kind === "none") this.#bodyEnd = "complete";
  }

  get sink(): ResponseSink {
    return this;
  }

  get started(): boolean {
    return this.status !== 0 && !this.#answeredInTunnel;
  }

  /** For the access log: what was sent behind the head, or through the tunnel. */
  get bodyBytes(): number {
    return this.#response.bodyBytes + (this.#tunnel?.sentBytes ?? 0);
  }

  /** The application has written to the client by itself: no response may be mixed with that. */
  get answeredInTunnel(): boolean {
    return this.#answeredInTunnel;
  }

  /** Nothing more of a response is sent. */
  get #isMute(): boolean {
    return this.#over || this.#answeredInTunnel;
  }

  /** The request's body has come to its end. */
  get bodyEnded(): boolean {
    return this.#bodyEnd !== undefined;
  }

  /** The response has begun, and only the connection's end tells the client where it ends. */
  get endsWithConnection(): boolean {
    return this.started && this.#response.endsWithConnection;
  }

  readBody(reader: BodyReader): void {
    this.#reader = reader;
  }

  allowBody(): void {
    if (!this.head.expectsContinue || this.#continued || this.started || this.#over) return;
    this.#continued = true;
    this.#connection.write(CONTINUE);
  }

  dropBody(): void {
    this.#bodyDropped = true;
    this.#reader = undefined;
    this.resumeBody();
  }

  /** Nobody minds when the body does not come: it is not wanted any more, or the client waits for `100 Continue`. */
  get bodyMayWait(): boolean {
    return this.#bodyDropped || (this.head.expectsContinue && !this.#continued);
  }

  pauseBody(): void {
    if (this.#paused || this.#over) return;
    this.#paused = true;
    this.#connection.pauseReading();
  }

  resumeBody(): void {
    // After the response the connection reads on by itself; a late call must not undo the next exchange's pause.
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    this.#connection.resumeReading();
  }

  /** Body bytes from the parser; after the response they are nobody's. */
  bodyChunk(chunk: Buffer): void {
    if (!this.#over) this.#reader?.onChunk(chunk);
  }

  bodyEnd(end: BodyEnd): void {
    this.#bodyEnd = end;
    if (!this.#over) this.#reader?.onEnd(end);
  }

  takeOver(user: TunnelUser): ConnectionTunnel | undefined {
    if (this.#over || this.started || this.#tunnel !== undefined) return undefined;
    this.#tunnel = this.#connection.openTunnel(this, user);
    return this.#tunnel;
  }

  /** The first bytes that the client is given through the tunnel. */
  tunnelBegan(bytes: Buffer | string): void {
    if (this.#over) return;
    this.#answeredInTunnel = true;
    const line = typeof bytes === "string" ? bytes : bytes.toString("latin1", 0, STATUS_LINE_BYTES);
    this.status = Number(STATUS_LINE.exec(line)?.[1] ?? SWITCHING_PROTOCOLS);
  }

  /** What the access log says of an exchange that ends with its tunnel. */
  tunnelEnded(): void {
    this.#over = true;
    if (this.status === 0) this.status = SWITCHING_PROTOCOLS;
  }

  respond(given: ResponseHead, body: Buffer): void {
    if (this.#isMute) return;
    const head = echoed(this.head, given);
    this.#begin(head);
    this.#connection.write(this.#response.whole(head, body, this.#connection.date, this.#connection.closing));
    this.#finish();
  }

  get websocket(): WebsocketHandshake | undefined {
    const { head } = this;
    if (!asksForWebsocket(head)) return undefined;
    return {
      extensions: joinedField(head, "sec-websocket-extensions"),
      check: () => void checkHandshake(head),
      accept: (fieldLines, user) => this.#switchToWebsocket(fieldLines, user),
    };
  }

  #switchToWebsocket(fieldLines: string, user: TunnelUser): Tunnel {
    const proof = createHash("sha1")
      .update(checkHandshake(this.head) + WEBSOCKET_GUID)
      .digest("base64");
    this.#over = true;
    this.status = SWITCHING_PROTOCOLS;
    this.fieldLines = fieldLines;
    const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    this.#connection.write(`${switching}Sec-WebSocket-Accept: ${proof}\r\n${fieldLines}${this.head.echo ?? ""}\r\n`);
    this.#tunnel = this.#connection.openTunnel(this, user);
    return this.#tunnel;
  }

  informational(status: string, fieldLines: string): void {
    if (this.#isMute || this.started || this.head.protocol === "HTTP/1.0") return;
    this.#connection.write(Http1Response.informational(status, fieldLines));
  }

  start(given: ResponseHead): void {
    if (this.#isMute) return;
    const head = echoed(this.head, given);
    this.#begin(head);
    this.#connection.cork();
    this.#connection.write(this.#response.start(head, this.#connection.date, this.#connection.closing));
  }

  #begin(head: ResponseHead): void {
    if (this.#tunnel !== undefined) this.#connection.closeTunnel();
    this.status = Number.parseInt(head.status, 10);
    this.fieldLines = head.fieldLines;
  }

  body(chunk: Buffer): boolean {
    if (this.#isMute) return true;
    this.#connection.cork();
    let taken = true;
    for (const piece of this.#response.body(chunk)) taken = this.#connection.write(piece);
    return taken;
  }

  end(trailerLines = ""): void {
    if (this.#isMute) return;
    const last = this.#response.end(trailerLines);
    if (last !== "") this.#connection.write(last);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#connection.exchangeDone(this, this.#response.keepAlive);
  }

  /** The client has gone without its answer: what the access log says then. */
  clientLeft(): void {
    this.#over = true;
    if (this.status === 0) this.status = CLIENT_LEFT_STATUS;
  }

  abort(): void {
    if (this.#isMute) return;
    this.#over = true;
    this.#connection.cut(this);
  }

  refuse(status: number, reason: string, text: string, extraFieldLines = ""): void {
    if (this.#isMute) return;
    if (this.started) {
      this.abort();
      return;
    }
    this.status = status;
    this.#connection.write(refusalPage(status, reason, text, extraFieldLines + (this.head.echo ?? "")));
    this.#over = true;
    this.#connection.exchangeDone(this, false);
  }
}
