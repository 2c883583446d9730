/**
 * A client's connection that an application has taken over: bytes go from one to the other as they stand, each side waits for the
 * other's pace, and each side's end is told to the other.
 */

import type { ApplicationEnd } from "../request/exchange.ts";

/** The client's side, as far as this needs it. */
export interface TakenClient {
  /** @returns false when the client is slow. */
  write(bytes: Buffer): boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** The application sends nothing more. */
  finishWriting(): void;
  /** The application has closed its end, and its request is over. */
  takenOver(): void;
}

/** What an application's own head says: `HTTP/1.1 101 Switching Protocols`. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/;
const STATUS_LINE_BYTES = 13;
/** For the log, of an application that speaks something else. */
const SWITCHING_PROTOCOLS = 101;

export class TakenConnection {
  /** What the application has told the client, for the access log. */
  status = SWITCHING_PROTOCOLS;
  bytesToClient = 0;
  readonly #client: TakenClient;
  readonly #application: ApplicationEnd;
  #flows = false;
  #applicationEnded = false;
  #requestOver = false;
  #done = false;

  constructor(client: TakenClient, application: ApplicationEnd) {
    this.#client = client;
    this.#application = application;
    application.onBytes = (bytes) => this.#toClient(bytes);
    application.onDrain = () => client.resumeReading();
    application.onEnd = () => this.#onApplicationEnd();
    application.resume();
  }

  /** What the client sends is the application's. */
  get flows(): boolean {
    return this.#flows;
  }

  /** The client's request is complete. @param rest  What it had sent behind it. */
  begin(rest: Buffer, clientFinished: boolean): void {
    this.#flows = true;
    if (rest.length > 0) this.fromClient(rest);
    if (clientFinished) this.clientFinished();
  }

  fromClient(bytes: Buffer): void {
    if (!this.#application.write(bytes)) this.#client.pauseReading();
  }

  /** The client sends nothing more. */
  clientFinished(): void {
    this.#application.end();
  }

  /** The client takes more. */
  clientDrained(): void {
    this.#application.resume();
  }

  /** The worker has ended the request: nothing is waited for but what the application has written. */
  requestOver(): void {
    this.#requestOver = true;
    this.#finish();
  }

  /** The client has gone, or has been answered in another way. */
  destroy(): void {
    this.#done = true;
    this.#application.destroy();
  }

  #toClient(bytes: Buffer): void {
    if (this.#done) return;
    if (this.bytesToClient === 0) {
      const status = STATUS_LINE.exec(bytes.toString("latin1", 0, STATUS_LINE_BYTES))?.[1];
      if (status !== undefined) this.status = Number(status);
    }
    this.bytesToClient += bytes.length;
    if (!this.#client.write(bytes)) this.#application.pause();
  }

  #onApplicationEnd(): void {
    if (this.#applicationEnded || this.#done) return;
    this.#applicationEnded = true;
    // It may have closed for one direction only. One that has written nothing may still answer in the usual way.
    if (!this.#requestOver && this.bytesToClient > 0) this.#client.finishWriting();
    this.#finish();
  }

  #finish(): void {
    if (!this.#applicationEnded || !this.#requestOver || this.#done) return;
    this.destroy();
    this.#client.takenOver();
  }
}
