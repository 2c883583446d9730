/**
 * A WebSocket on a stream of HTTP/2 (RFC 8441): its handshake, then the stream's bytes both ways as a tunnel.
 *
 * Its exchange does the rest: what is written is the body of its answer, what the client sends is read like the body of its request. So
 * windows, limits of time and the access log are those of every other stream.
 */

import { checkHandshakeInHttp2, joinedField } from "../protocol/websocket/handshake.ts";
import type { BodyReader, ResponseHead, Tunnel, TunnelUser, WebsocketHandshake } from "../request/exchange.ts";
import { ChunkList } from "./chunk-list.ts";
import type { Http2Exchange } from "./http2-exchange.ts";

/** The user is given what was held in pieces of this size, between which it may pause: as much as a socket's read brings at most times. */
const PIECE_BYTES = 16384;
const ACCEPTED = "200 OK";
/** A denial that would be taken for an acceptance is said as what it is. */
const DENIED = "403 Forbidden";

export class Http2Websocket implements WebsocketHandshake, Tunnel, BodyReader {
  readonly extensions: string | undefined;
  readonly #exchange: Http2Exchange;
  #user: TunnelUser | undefined;
  /** What has come and the user does not want yet: at most the stream's window. */
  readonly #held = new ChunkList();
  /** The user is being given what was held. */
  #flowing = false;
  /** Until the user resumes: before that it may not even have this object. */
  #paused = true;
  #clientEnded: boolean;
  #endTold = false;
  #over = false;

  /** @param clientEnded  Nothing follows the request. */
  constructor(exchange: Http2Exchange, clientEnded: boolean) {
    this.#exchange = exchange;
    this.#clientEnded = clientEnded;
    this.extensions = joinedField(exchange.head, "sec-websocket-extensions");
    exchange.pauseBody();
    exchange.readBody(this);
  }

  // --- the handshake -------------------------------------------------------------------------------------------------

  check(): void {
    checkHandshakeInHttp2(this.#exchange.head);
  }

  accept(fieldLines: string, user: TunnelUser): Tunnel {
    this.#user = user;
    this.#exchange.onClientLeft = () => this.#gone(user);
    this.#exchange.onDrain = () => user.onDrain();
    this.#exchange.start({ status: ACCEPTED, fieldLines, contentLength: undefined, close: false });
    return this;
  }

  /** An answer in HTTP is a denial: where HTTP/1 has 101 for the acceptance alone, here every 2xx is one (RFC 8441 §5). */
  answerOf(head: ResponseHead): ResponseHead {
    return this.#user === undefined && head.status.startsWith("2") ? { ...head, status: DENIED } : head;
  }

  // --- from the client -----------------------------------------------------------------------------------------------

  onChunk(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#paused || this.#flowing) this.#held.push(chunk);
    else this.#user?.onBytes(chunk);
  }

  onEnd(): void {
    this.#clientEnded = true;
    this.#flow();
  }

  /** Gives the user what it wants, the client room for as much again, and behind the last of it the client's end. */
  #flow(): void {
    const user = this.#user;
    if (user === undefined || this.#flowing) return;
    this.#flowing = true;
    while (!this.#paused && !this.#over) {
      const chunk = this.#held.shift(PIECE_BYTES);
      if (chunk === undefined) break;
      user.onBytes(chunk);
    }
    this.#flowing = false;
    if (this.#paused || this.#over) return;
    this.#exchange.resumeBody();
    if (!this.#clientEnded || this.#endTold) return;
    this.#endTold = true;
    user.onEnd();
  }

  #gone(user: TunnelUser): void {
    if (this.#over) return;
    this.#close();
    user.onGone();
  }

  // --- from the user -------------------------------------------------------------------------------------------------

  write(bytes: Buffer | string): boolean {
    return this.#over || this.#exchange.body(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  pause(): void {
    this.#paused = true;
    this.#exchange.pauseBody();
  }

  resume(): void {
    if (this.#over) return;
    this.#paused = false;
    this.#flow();
  }

  end(): void {
    if (this.#over) return;
    this.#close();
    this.#exchange.dropBody();
    this.#exchange.end();
  }

  cut(): void {
    if (this.#over) return;
    this.#close();
    this.#exchange.cut();
  }

  #close(): void {
    this.#over = true;
    this.#held.clear();
    this.#exchange.onClientLeft = undefined;
    this.#exchange.onDrain = undefined;
  }
}
