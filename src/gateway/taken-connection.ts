/**
 * A client's connection that an application has taken over: bytes go from one to the other as they stand, each side waits for the
 * other's pace, and each side's end is told to the other. It is over when the application's request is, and the application's end has come.
 */

import type { ConnectionTunnel, TunnelUser } from "../request/exchange.ts";

/** The application's side. Whoever has it sets the handlers, then calls `resume`. */
export interface ApplicationEnd {
  /** @returns false when the application is slow: wait for `onDrain` before sending more. */
  write(bytes: Buffer): boolean;
  /** The client sends nothing more. */
  end(): void;
  pause(): void;
  resume(): void;
  /** There is no client any more. */
  destroy(): void;
  onBytes: ((bytes: Buffer) => void) | undefined;
  /** The application sends nothing more. May be called twice. */
  onEnd: (() => void) | undefined;
  onDrain: (() => void) | undefined;
}

export class TakenConnection implements TunnelUser {
  readonly #application: ApplicationEnd;
  #tunnel: ConnectionTunnel | undefined;
  #answered = false;
  #applicationEnded = false;
  #requestOver = false;
  #done = false;

  constructor(application: ApplicationEnd) {
    this.#application = application;
  }

  begin(tunnel: ConnectionTunnel): void {
    this.#tunnel = tunnel;
    const application = this.#application;
    application.onBytes = (bytes) => this.#toClient(bytes);
    application.onDrain = () => tunnel.resume();
    application.onEnd = () => this.#onApplicationEnd();
    application.resume();
    tunnel.resume();
  }

  // --- from the client ---------------------------------------------------------------------------------------------

  onBytes(chunk: Buffer): void {
    if (!this.#application.write(Buffer.from(chunk))) this.#tunnel?.pause();
  }

  onDrain(): void {
    this.#application.resume();
  }

  onEnd(): void {
    this.#application.end();
  }

  onGone(): void {
    this.#done = true;
    this.#application.destroy();
  }

  // --- from the worker ---------------------------------------------------------------------------------------------

  /** It has ended the request: nothing is waited for but what the application has written. */
  requestOver(): void {
    this.#requestOver = true;
    this.#finish();
  }

  #toClient(bytes: Buffer): void {
    if (this.#done) return;
    this.#answered = true;
    if (this.#tunnel?.write(bytes) === false) this.#application.pause();
  }

  #onApplicationEnd(): void {
    if (this.#applicationEnded || this.#done) return;
    this.#applicationEnded = true;
    // It may have closed for one direction only. One that has written nothing may still answer in the usual way.
    if (!this.#requestOver && this.#answered) this.#tunnel?.finishWriting();
    this.#finish();
  }

  #finish(): void {
    if (!this.#applicationEnded || !this.#requestOver || this.#done) return;
    this.#done = true;
    this.#application.destroy();
    this.#tunnel?.end();
  }
}
