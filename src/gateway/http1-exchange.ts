/** One HTTP/1 request and its response: what an `Http1Connection` hands to the inside of the gateway. */

import { createHash } from "node:crypto";
import { CONTINUE, Http1Response, refusalPage } from "../protocol/http1/response-writer.ts";
import { asksForWebsocket, checkHandshake, joinedField } from "../protocol/websocket/handshake.ts";
import type {
  ApplicationEnd,
  BodyEnd,
  BodyReader,
  RequestStream,
  ResponseHead,
  ResponseSink,
  Tunnel,
  TunnelUser,
  WebsocketHandshake,
} from "../request/exchange.ts";
import type { RequestHead } from "../request/request-head.ts";

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
  /** HTTP is over on this connection; `exchange` stays what the access log says of it. */
  openTunnel(exchange: Http1Exchange, user: TunnelUser): Tunnel;
  /** See `RequestStream`. */
  takeOver(exchange: Http1Exchange, application: ApplicationEnd): boolean;
  /** The exchange is over, but what the application has written may still be on its way. */
  endTaken(): void;
  /** The application has written to the client by itself: no response may be mixed with that. */
  readonly answeredByApplication: boolean;
}

/** RFC 6455 §1.3: what a server adds to the key, to show that it has understood. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Of a request whose client left before the answer began; nobody receives it. nginx's number, which log tools know. */
export const CLIENT_LEFT_STATUS = 499;

export class Http1Exchange implements RequestStream, ResponseSink {
  readonly head: RequestHead;
  readonly arrivedMs: number;
  workerPid: number | undefined;
  onClientLeft: (() => void) | undefined;
  onClientFin: (() => void) | undefined;
  withdraw: (() => boolean) | undefined;
  onDrain: (() => void) | undefined;
  /** For the access log. */
  status = 0;
  bodyBytes = 0;
  fieldLines = "";
  readonly #connection: ExchangeConnection;
  readonly #response: Http1Response;
  #reader: BodyReader | undefined;
  #bodyEnd: BodyEnd | undefined;
  #bodyDropped = false;
  #paused = false;
  #continued = false;
  #over = false;

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
    return this.status !== 0;
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

  takeOver(application: ApplicationEnd): boolean {
    return !this.#over && this.#connection.takeOver(this, application);
  }

  endTaken(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.endTaken();
  }

  /** A response that comes when the application has answered in its own way. @returns true when there is none to send. */
  #answeredElsewhere(): boolean {
    if (!this.#over && this.#connection.answeredByApplication) this.endTaken();
    return this.#over;
  }

  respond(head: ResponseHead, body: Buffer): void {
    if (this.#answeredElsewhere()) return;
    this.#begin(head);
    const bytes = this.#response.whole(head, body, this.#connection.date, this.#connection.closing);
    this.bodyBytes = this.#response.bodyBytes;
    this.#connection.write(bytes);
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
    this.status = 101;
    this.fieldLines = fieldLines;
    const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    this.#connection.write(`${switching}Sec-WebSocket-Accept: ${proof}\r\n${fieldLines}\r\n`);
    return this.#connection.openTunnel(this, user);
  }

  informational(status: string, fieldLines: string): void {
    if (this.#over || this.started || this.head.protocol === "HTTP/1.0" || this.#connection.answeredByApplication) return;
    this.#connection.write(Http1Response.informational(status, fieldLines));
  }

  start(head: ResponseHead): void {
    if (this.#answeredElsewhere()) return;
    this.#begin(head);
    this.#connection.cork();
    this.#connection.write(this.#response.start(head, this.#connection.date, this.#connection.closing));
  }

  #begin(head: ResponseHead): void {
    this.status = Number.parseInt(head.status, 10);
    this.fieldLines = head.fieldLines;
  }

  body(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#connection.cork();
    let taken = true;
    for (const piece of this.#response.body(chunk)) taken = this.#connection.write(piece);
    this.bodyBytes = this.#response.bodyBytes;
    return taken;
  }

  end(trailerLines = ""): void {
    if (this.#over) return;
    const last = this.#response.end(trailerLines);
    if (last !== "") this.#connection.write(last);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#connection.exchangeDone(this, this.#response.keepAlive);
  }

  /** What the access log says of an exchange whose answer the application has written by itself. */
  answeredByApplication(status: number, bodyBytes: number): void {
    this.status = status;
    this.bodyBytes = bodyBytes;
  }

  /** The client has gone without its answer: what the access log says then. */
  clientLeft(): void {
    this.#over = true;
    if (this.status === 0) this.status = CLIENT_LEFT_STATUS;
  }

  abort(): void {
    if (this.#answeredElsewhere()) return;
    this.#over = true;
    this.#connection.cut(this);
  }

  refuse(status: number, reason: string, text: string, extraFieldLines = ""): void {
    if (this.#answeredElsewhere()) return;
    if (this.started) {
      this.abort();
      return;
    }
    this.status = status;
    this.#connection.write(refusalPage(status, reason, text, extraFieldLines));
    this.#over = true;
    this.#connection.exchangeDone(this, false);
  }
}
