/** What all parsers do that bring one request after another: hold bytes, go as far as they go, stop at each request, end. */

import type { BodyEnd } from "../request/exchange.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { RequestHead } from "../request/request-head.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { Awaiting, RequestHandler, RequestParser } from "./request-parser.ts";

export abstract class SequentialParser implements RequestParser {
  protected readonly handler: RequestHandler;
  protected readonly held = new HeldBytes();
  /** The request that an error found now belongs to: the one whose body is being read, or whose framing is at fault. */
  protected head: RequestHead | undefined;
  #awaiting: Awaiting = "head";
  #ended = false;
  #running = false;

  constructor(handler: RequestHandler) {
    this.handler = handler;
  }

  /** Reads a head, if it is complete: `headRead` follows. @returns false when more bytes are needed. */
  protected abstract readHead(): boolean;
  /** Reads what is there of a body; with its last byte `endBody` follows. @returns false when more bytes are needed. */
  protected abstract readBody(): boolean;
  /** The input is over and no more can be made of it: `endBody`, or `close` and `onClose`, or an error. */
  protected abstract finish(): void;

  get awaiting(): Awaiting {
    return this.#awaiting;
  }

  get headStarted(): boolean {
    return this.#awaiting === "head" && this.heldBytes > 0;
  }

  get heldBytes(): number {
    return this.held.length;
  }

  feed(chunk: Buffer): void {
    if (this.#awaiting === "closed") return;
    this.held.append(chunk);
    this.#run();
    this.held.keep();
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

  idle(): void {}

  takeRest(): Buffer {
    const { bytes, start, end } = this.held;
    const rest = Buffer.from(bytes.subarray(start, end));
    this.close();
    return rest;
  }

  close(): void {
    this.#awaiting = "closed";
    this.held.clear();
  }

  /** Reports a request. */
  protected headRead(head: RequestHead, hasBody: boolean): void {
    this.head = head;
    this.#awaiting = hasBody ? "body" : "next";
    this.handler.onHead(head);
  }

  /** Reports bytes of a body. @param view  Of what is held. */
  protected bodyRead(view: Buffer): void {
    this.handler.onBody(this.held.borrowed ? Buffer.from(view) : view);
  }

  protected endBody(end: BodyEnd): void {
    this.#awaiting = "next";
    this.handler.onBodyEnd(end);
  }

  /** Reads as far as the bytes go. A loop and not a recursion, so that thousands of pipelined requests cannot exhaust the stack. */
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
      const progress = awaited === "head" ? this.#readNextHead() : this.readBody();
      if (progress || !this.#ended) return progress;
      this.finish();
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close();
      this.handler.onError(error, this.head);
      return false;
    }
  }

  #readNextHead(): boolean {
    this.head = undefined;
    return this.readHead();
  }
}
