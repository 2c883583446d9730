/**
 * The one interface between a protocol and the inside of the gateway: a request, and the sink of its response.
 *
 * A protocol (HTTP/1 and uWSGI on a socket, the in-memory one in the tests; later HTTP/2 streams) makes a
 * `RequestStream` for each request and hands it to the inside; the inside answers through `ResponseSink`.
 * Neither knows what the other is made of.
 */

import type { RequestHead } from "./request-head.ts";

/** Why a request's body ended. */
export type BodyEnd =
  /** All of it came. */
  | "complete"
  /** The client closed inside a Content-Length body; the application sees short data, as with Gunicorn. */
  | "short";

/** What became of a request: what the access log says of it. */
export interface Completion {
  readonly head: RequestHead;
  readonly status: number;
  readonly bodyBytes: number;
  /** The application's; `""` when the gateway answered by itself. */
  readonly fieldLines: string;
  /** From the head's last byte to the response's last byte. */
  readonly durationUs: number;
}

/** Tells a worker what became of its request. */
export interface CompletionTaker {
  /** @returns false when no worker has it. */
  completed(completion: Completion): boolean;
}

/** One request as the inside of the gateway sees it. */
export interface RequestStream {
  readonly head: RequestHead;
  /** Arrival of the head's last byte, monotonic milliseconds. */
  readonly arrivedMs: number;
  /** Where the response goes. */
  readonly sink: ResponseSink;
  /** Starts the body's flow: `onChunk` for each piece, then `onEnd`. Called before the stream's handler returns, or never; a request without a body needs no call. */
  readBody(reader: BodyReader): void;
  /** Back-pressure: no more chunks until `resumeBody`. A chunk already under way may still come. */
  pauseBody(): void;
  resumeBody(): void;
  /** Nobody reads the body any more: what still comes is thrown away, and may come as slowly as it likes. */
  dropBody(): void;
  /** Pid of the worker that answers, for the access log; set by the inside. */
  workerPid: number | undefined;
  /** The generation of that worker. */
  workerGeneration: number | undefined;
  /** When a worker took it, monotonic; set where the access log wants to know. */
  startedMs: number | undefined;
  /** Set by the inside. */
  completionTaker: CompletionTaker | undefined;
  /** Set by the inside; called at most once when the client has left before the response was complete. */
  onClientLeft: (() => void) | undefined;
  /** Set by the inside; called when the client has said that it sends nothing more. It may still read, or it may have gone. */
  onClientFin: (() => void) | undefined;
  /** The body is wanted: a client that waits for `100 Continue` is told so, once. */
  allowBody(): void;
  /** The client asks for a WebSocket, and this is where it gets one; undefined for every other request. */
  readonly websocket: WebsocketHandshake | undefined;
  /** Set by the inside; takes the request back if no worker can have it yet, and says whether it did. The protocol then drops the exchange. */
  withdraw: (() => boolean) | undefined;
  /**
   * The application speaks with the client by itself: the client's bytes behind this request are the tunnel's, once the body has come to
   * its end. The first bytes that are written to the tunnel are the answer, and what is given to the sink from then on is ignored. As
   * long as there are none the sink may be used, which is the end of the tunnel; the connection ends behind that answer.
   *
   * @returns undefined when there is no connection to give: the client has left, the answer has begun, or the connection is given already.
   */
  takeOver(user: TunnelUser): ConnectionTunnel | undefined;
}

/**
 * The beginning of a WebSocket, whatever carries it: a connection that leaves HTTP/1 (RFC 6455 §4.2), or a stream of HTTP/2
 * (RFC 8441). As long as it is not accepted the request may be answered like any other.
 */
export interface WebsocketHandshake {
  /** Sec-WebSocket-Extensions as the client sent it, all fields joined: `"permessage-deflate; client_max_window_bits"`. */
  readonly extensions: string | undefined;
  /** @throws {ProtocolError} when what the protocol demands of a handshake is missing. */
  check(): void;
  /**
   * Says yes to the client.
   *
   * @param fieldLines  What the application and the extensions add to the answer: `"Sec-WebSocket-Protocol: chat\r\n"`.
   * @returns           What follows the answer, both ways. Nothing is read before its `resume`.
   */
  accept(fieldLines: string, user: TunnelUser): Tunnel;
}

/** A connection, or a stream of one, whose bytes both ways are no HTTP. */
export interface Tunnel {
  /**
   * @param bytes  Kept. Text is latin-1, one character for each byte, and for what is short: all of one turn leaves in one system call.
   * @returns      false when the client is slow: `onDrain` follows. Nothing is lost if more is written.
   */
  write(bytes: Buffer | string): boolean;
  /** Back-pressure. Bytes under way may still come. */
  pause(): void;
  resume(): void;
  /** Ends it behind what was written; nothing more is read. */
  end(): void;
  /** Ends it at once. */
  cut(): void;
}

/** A whole connection, which ends in two halves. */
export interface ConnectionTunnel extends Tunnel {
  /** Sends our end behind what was written; the client's bytes still come. */
  finishWriting(): void;
}

/** Who speaks through a tunnel. */
export interface TunnelUser {
  /** @param chunk  Valid during the call only, and the user may change it. */
  onBytes(chunk: Buffer): void;
  /** The client takes more again. */
  onDrain(): void;
  /** The client sends nothing more, but may still read; not called after `end` or `cut`. */
  onEnd(): void;
  /** The tunnel is over, and not by `end` or `cut`: the client has gone, or was answered in another way. */
  onGone(): void;
}

/** Receives one request's body. */
export interface BodyReader {
  /** @param chunk  Body bytes without framing; the reader may keep it. */
  onChunk(chunk: Buffer): void;
  onEnd(end: BodyEnd): void;
}

/**
 * Head of a response as the worker sends it: checked there, so that names and values hold no CR, LF or NUL,
 * and without hop-by-hop fields.
 */
export interface ResponseHead {
  /** Status code and reason: `"200 OK"`, or `"200"` alone. */
  readonly status: string;
  /** Field lines in the application's order: `"Content-Type: text/plain\r\nContent-Length: 5\r\n"`, latin-1. */
  readonly fieldLines: string;
  /** The application's Content-Length, or undefined when it gave none. */
  readonly contentLength: number | undefined;
  /** The application asked for the connection to be closed (`Connection: close`). */
  readonly close: boolean;
}

/**
 * Receives one response: `start` once, `body` any number of times, then `end` or `abort`; or `respond` alone.
 * After the client has left every call is accepted and ignored, so that no caller needs to ask.
 */
export interface ResponseSink {
  /** The whole response at once: the hot path. `body` is valid during the call only. */
  respond(head: ResponseHead, body: Buffer): void;
  /** A 1xx response before the final one, e.g. 103. Ignored where the protocol has none (HTTP/1.0). */
  informational(status: string, fieldLines: string): void;
  start(head: ResponseHead): void;
  /** @returns false when the client is slow: wait for `onDrain` before sending more (nothing is lost if not). */
  body(chunk: Buffer): boolean;
  /** @param trailerLines  Trailer fields, sent where the protocol and this response's framing have a place for them. */
  end(trailerLines?: string): void;
  /** Cuts the response so that the client can tell: the connection or stream is closed without its proper end. */
  abort(): void;
  /** The gateway's own answer, when no head has been sent: an error page, `Connection: close`. */
  refuse(status: number, reason: string, text: string, extraFieldLines?: string): void;
  /** A head has been given, by the worker or by the gateway. */
  readonly started: boolean;
  /** Set by the inside; called when the client takes more, after `body` gave false. */
  onDrain: (() => void) | undefined;
}
