/** One request and its response (RFC 9113 §5): what the connection keeps of a stream, and what its user does with it. */

import { NO_PLACE } from "../../base/roster.ts";
import type { EncodedField } from "../hpack/encoded-field.ts";
import type { TrailerFields } from "../http1/trailer-fields.ts";
import type { ErrorName } from "./frame-types.ts";
import type { ReceiveWindow } from "./receive-window.ts";

/** Receives a request's body. */
export interface StreamReader {
  /** @param chunk  May be kept. `stream.consumed` is to be called once it has been used. */
  onBody(chunk: Buffer): void;
  onBodyEnd(): void;
  /** The stream has ended before request and response were complete: the client has cancelled it, broken a rule, or gone. */
  onLeft(code: ErrorName): void;
}

/** Where the bytes of a response's body come from, as the client takes them. */
export interface BodySource {
  /** Bytes that can be read now. More of them, or the end, are announced by `stream.dataReady`. */
  readonly size: number;
  /** Nothing follows what can be read now. */
  readonly ended: boolean;
  /** Sent behind the body; looked at once it has ended. */
  readonly trailers: readonly EncodedField[] | undefined;
  /** @param bytesMax  At least 1. @returns 1 to `bytesMax` bytes, copied before the next call; called only while `size` is more than 0. */
  read(bytesMax: number): Buffer;
}

/** Sends what a stream wants to send. */
export interface StreamSender {
  informational(stream: Http2Stream, status: number, fields: readonly EncodedField[]): void;
  respond(stream: Http2Stream, status: number, fields: readonly EncodedField[], body: Buffer): void;
  start(stream: Http2Stream, status: number, fields: readonly EncodedField[], source: BodySource | undefined): void;
  wake(stream: Http2Stream): void;
}

/** What a stream asks of its connection. */
export interface StreamOwner {
  consumed(stream: Http2Stream, bytes: number): void;
  resetStream(stream: Http2Stream, code: ErrorName): void;
}

/**
 * Idle streams do not exist; `open` and the two half-closed states are the two flags `requestEnded` and `responseEnded`; a closed
 * stream is forgotten by its connection, and every call on it is ignored.
 */
export class Http2Stream {
  readonly id: number;
  /** In its connection's table. */
  place = NO_PLACE;
  /** `:protocol` of an extended CONNECT (RFC 8441): `"websocket"`. */
  readonly connectProtocol: string | undefined;
  /** Set by the user while the request is reported; without one its body is thrown away. */
  reader: StreamReader | undefined;
  /** Set by the user; called when the last frame of the response has been written. */
  onAnswered: (() => void) | undefined;
  /** Fields behind the request's body, once it has ended. */
  trailers: TrailerFields | undefined;
  /** The client has sent END_STREAM. */
  requestEnded: boolean;
  responseStarted = false;
  /** We have sent END_STREAM, or the stream has been reset. */
  responseEnded = false;
  /** Whether the connection knows it still. */
  closed = false;
  sendWindow: number;
  /** Body bytes of the response that have gone out. */
  sentBytes = 0;
  readonly receiveWindow: ReceiveWindow;
  source: BodySource | undefined;
  /** Body bytes that Content-Length announced and that have not come; infinite without one. */
  bodyBytesLeft: number;
  /** Body bytes given to the reader and not taken yet. */
  unconsumedBytes = 0;
  readonly #owner: StreamOwner;
  readonly #sender: StreamSender;

  constructor(
    owner: StreamOwner,
    sender: StreamSender,
    id: number,
    request: { readonly ended: boolean; readonly bodyBytes: number; readonly connectProtocol: string | undefined },
    windows: { readonly send: number; readonly receive: ReceiveWindow },
  ) {
    this.#owner = owner;
    this.#sender = sender;
    this.id = id;
    this.requestEnded = request.ended;
    this.bodyBytesLeft = request.bodyBytes;
    this.connectProtocol = request.connectProtocol;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
  }

  /** Content-Length announced more than has come. */
  get lacksBody(): boolean {
    return this.bodyBytesLeft > 0 && Number.isFinite(this.bodyBytesLeft);
  }

  /** Body bytes of the response that wait for the client. */
  get pendingBytes(): number {
    return this.source?.size ?? 0;
  }

  /** The reader has used so many bytes of the body: the client may send as many more. */
  consumed(bytes: number): void {
    if (!this.closed) this.#owner.consumed(this, bytes);
  }

  /** A 1xx response before the final one. */
  informational(status: number, fields: readonly EncodedField[]): void {
    if (!this.responseStarted && !this.closed) this.#sender.informational(this, status, fields);
  }

  /** The whole response. @param body  Valid during the call only. */
  respond(status: number, fields: readonly EncodedField[], body: Buffer): void {
    if (!this.responseStarted && !this.closed) this.#sender.respond(this, status, fields, body);
  }

  /** The response's head. @param source  Of its body; undefined when it has none. */
  start(status: number, fields: readonly EncodedField[], source: BodySource | undefined): void {
    if (!this.responseStarted && !this.closed) this.#sender.start(this, status, fields, source);
  }

  /** The source has more bytes, or has ended. */
  dataReady(): void {
    if (!this.closed) this.#sender.wake(this);
  }

  /** Ends the stream at once, so that the client can tell that something is missing. */
  reset(code: ErrorName): void {
    if (!this.closed) this.#owner.resetStream(this, code);
  }
}
