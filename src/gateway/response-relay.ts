/**
 * One response on its way from a worker to its client: what the client does not take at once waits in a spool, so
 * that the worker is free again; credit goes back to the worker as bytes are taken or spooled (design §3).
 */

import type { ResponseSink } from "../request/exchange.ts";
import { RESPONSE_WINDOW_BYTES } from "../wire/frame-types.ts";
import { ByteSpool, type SpoolLimits } from "./byte-spool.ts";

const SHIFT_BYTES = 65536;
/** Credit is given back in quarters of the window: fewer frames, and the worker never runs dry. */
const CREDIT_STEPS = 4;

export class ResponseRelay {
  readonly #sink: ResponseSink;
  readonly #onCredit: (bytes: number) => void;
  readonly #onLost: () => void;
  readonly #spool: ByteSpool;
  readonly #creditStepBytes: number;
  #trailerLines = "";
  #sinkTakes = true;
  #workerDone = false;
  #finished = false;
  #owed = 0;

  /**
   * @param onCredit     The worker may send that many more bytes.
   * @param windowBytes  What the worker may send before it gets credit.
   * @param onLost       Spooled bytes cannot be read back: the response was cut, the worker need not go on.
   */
  constructor(
    sink: ResponseSink,
    limits: SpoolLimits,
    onCredit: (bytes: number) => void,
    onLost: () => void,
    windowBytes = RESPONSE_WINDOW_BYTES,
  ) {
    this.#sink = sink;
    this.#creditStepBytes = windowBytes / CREDIT_STEPS;
    this.#onCredit = onCredit;
    this.#onLost = onLost;
    this.#spool = new ByteSpool(
      limits,
      () => this.#pump(),
      () => this.#repay(),
    );
    sink.onDrain = () => {
      this.#sinkTakes = true;
      this.#pump();
    };
  }

  /** Everything that the worker sent has been given to the client's socket. */
  get empty(): boolean {
    return this.#spool.size === 0;
  }

  /** @param chunk  Body bytes; the relay keeps them. */
  push(chunk: Buffer): void {
    if (this.#finished) return;
    this.#owed += chunk.length;
    if (this.#sinkTakes && this.#spool.size === 0) this.#sinkTakes = this.#sink.body(chunk);
    else this.#spool.push(chunk);
    this.#repay();
  }

  /** The worker has sent everything. @param trailerLines  `"Digest: x\r\n"` */
  end(trailerLines = ""): void {
    this.#trailerLines = trailerLines;
    this.#workerDone = true;
    this.#pump();
  }

  /** Cuts the response. */
  abort(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#spool.destroy();
    this.#sink.abort();
  }

  /** The client has left: nothing is wanted any more. */
  discard(): void {
    this.#finished = true;
    this.#spool.destroy();
  }

  #pump(): void {
    if (this.#finished) return;
    if (this.#spool.bytesLost) {
      this.abort();
      if (!this.#workerDone) this.#onLost();
      return;
    }
    while (this.#sinkTakes) {
      const chunk = this.#spool.shift(SHIFT_BYTES);
      if (chunk === undefined) break;
      this.#sinkTakes = this.#sink.body(chunk);
    }
    if (!this.#workerDone || this.#spool.size > 0) return;
    this.#finished = true;
    this.#spool.destroy();
    this.#sink.end(this.#trailerLines);
  }

  #repay(): void {
    if (this.#workerDone || this.#finished || this.#owed < this.#creditStepBytes || !this.#spool.wantsMore) return;
    const bytes = this.#owed;
    this.#owed = 0;
    this.#onCredit(bytes);
  }
}
