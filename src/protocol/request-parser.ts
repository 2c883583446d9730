/** What a connection asks of its protocol's parser, and what the parser reports: the same for every protocol that brings one request after another. */

import type { BodyEnd } from "../request/exchange.ts";
import type { ProtocolError } from "../request/protocol-error.ts";
import type { RequestHead } from "../request/request-head.ts";

/** What a parser reports. Every call may call `next` or `close` of the parser. */
export interface RequestHandler {
  /**
   * A request. When its framing is "none" it is complete with this call.
   *
   * @throws {ProtocolError} To refuse it for a reason that the parser cannot know (a path outside SCRIPT_NAME): `onError` follows.
   */
  onHead(head: RequestHead): void;
  /** @param chunk  Body bytes without framing, which may be kept. */
  onBody(chunk: Buffer): void;
  onBodyEnd(end: BodyEnd): void;
  /** The client broke a rule; nothing more is read. `head` is given where Gunicorn logs an access line for the refusal. */
  onError(error: ProtocolError, head: RequestHead | undefined): void;
  /** The input ended between requests, or where nobody waits for an answer to what was cut. */
  onClose(): void;
}

/** What the parser is waiting for. `next`: the owner's call, when the request's answer is done. */
export type Awaiting = "head" | "body" | "next" | "closed";

/** One connection's parser. Bytes go in, one request at a time comes out; what follows a request is held until its answer is done. */
export interface RequestParser {
  readonly awaiting: Awaiting;
  /** Some of the next head has come: the time limit for heads runs, no longer the one for idle connections. */
  readonly headStarted: boolean;
  /** Bytes that have come and are not used yet. */
  readonly heldBytes: number;
  /** @param chunk  Bytes as they came; they may be written over afterwards. Ignored once closed. */
  feed(chunk: Buffer): void;
  /** The client will send no more. What it has sent is still reported. */
  eof(): void;
  /** The answer is done: read the next request. May be called from a handler. Ignored once closed. */
  next(): void;
  /** Nothing has come for a while: lets go of what is only kept to be faster. */
  idle(): void;
  /** Reports nothing more, and gives away what was held, in a buffer of its own: the protocol on the connection is another one from here. */
  takeRest(): Buffer;
  /** Reports nothing more and lets go of all bytes. May be called from a handler. */
  close(): void;
}
