/**
 * Requests out of the bytes of a connection that speaks uWSGI: packet, body, packet, body ...
 *
 * No sockets and no time. What comes out does not depend on how the input was cut.
 */

import type { BodyEnd } from "../../request/exchange.ts";
import { ProtocolError } from "../../request/protocol-error.ts";
import type { Peer, RequestHead } from "../../request/request-head.ts";
import { HeldBytes } from "../http1/held-bytes.ts";
import type { Awaiting, RequestHandler, RequestParser } from "../request-parser.ts";
import { PACKET_HEADER_BYTES, readPacketHeader, readVars } from "./packet.ts";
import { invalidPacket } from "./refusals.ts";
import { requestHead } from "./request-head.ts";

export class UwsgiParser implements RequestParser {
  readonly #peer: Peer;
  readonly #handler: RequestHandler;
  readonly #held = new HeldBytes();
  #awaiting: Awaiting = "head";
  #ended = false;
  #running = false;
  /** The request that an error found now belongs to. */
  #head: RequestHead | undefined;
  #bodyBytesLeft = 0;

  constructor(peer: Peer, handler: RequestHandler) {
    this.#peer = peer;
    this.#handler = handler;
  }

  get awaiting(): Awaiting {
    return this.#awaiting;
  }

  get headStarted(): boolean {
    return this.#awaiting === "head" && this.heldBytes > 0;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  feed(chunk: Buffer): void {
    if (this.#awaiting === "closed") return;
    this.#held.append(chunk);
    this.#run();
  }

  eof(): void {
    this.#ended = true;
    this.#run();
  }

  next(): void {
    if (this.#awaiting === "closed") return;
    if (this.#awaiting !== "next") throw new Error(`next request asked for while the parser awaits ${this.#awaiting}`);
    this.#awaiting = "head";
    this.#run();
  }

  close(): void {
    this.#awaiting = "closed";
    this.#held.clear();
  }

  /** Reads as far as the bytes go. A loop and not a recursion, so that thousands of pipelined packets cannot exhaust the stack. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#readSome());
    } finally {
      this.#running = false;
    }
  }

  /** @returns false when nothing more can be done before the next call from outside. */
  #readSome(): boolean {
    const awaited = this.#awaiting;
    if (awaited === "next" || awaited === "closed") return false;
    try {
      const progress = awaited === "head" ? this.#readHead() : this.#readBody();
      if (progress || !this.#ended) return progress;
      this.#finish();
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close();
      this.#handler.onError(error, this.#head);
      return false;
    }
  }

  /** The input is over and no more can be made of it. */
  #finish(): void {
    if (this.#awaiting === "body") {
      this.#endBody("short");
      return;
    }
    const heldBytes = this.heldBytes;
    if (heldBytes > 0) throw invalidPacket(heldBytes < PACKET_HEADER_BYTES ? "incomplete header" : "incomplete vars block");
    this.close();
    this.#handler.onClose();
  }

  /** @returns false when the head is not complete. */
  #readHead(): boolean {
    this.#head = undefined;
    const { bytes, start, end } = this.#held;
    if (end - start < PACKET_HEADER_BYTES) return false;
    const varsStart = start + PACKET_HEADER_BYTES;
    const varsEnd = varsStart + readPacketHeader(bytes, start);
    if (end < varsEnd) return false;
    const head = requestHead(readVars(bytes.subarray(varsStart, varsEnd)), this.#peer);
    this.#held.consume(varsEnd);
    this.#head = head;
    this.#bodyBytesLeft = head.framing.kind === "length" ? head.framing.bytes : 0;
    this.#awaiting = this.#bodyBytesLeft === 0 ? "next" : "body";
    this.#handler.onHead(head);
    return true;
  }

  /** @returns false when more bytes are needed. */
  #readBody(): boolean {
    const { bytes, start, end } = this.#held;
    if (start === end) return false;
    const next = Math.min(end, start + this.#bodyBytesLeft);
    this.#bodyBytesLeft -= next - start;
    this.#held.consume(next);
    this.#handler.onBody(bytes.subarray(start, next));
    if (this.#awaiting === "body" && this.#bodyBytesLeft === 0) this.#endBody("complete");
    return true;
  }

  #endBody(end: BodyEnd): void {
    this.#awaiting = "next";
    this.#handler.onBodyEnd(end);
  }
}
