/** Writes the access log: lines of one turn of the event loop leave in one write. */

import type { AccessRecord } from "./access-log-atoms.ts";

/** Where the lines go: standard output, or a file that USR1 opens again. Its methods deal with their errors themselves. */
export interface AccessLogSink {
  /** @param text  Whole lines, each ending in `\n`. */
  write(text: string): void;
  reopen(): void;
}

/** Characters held back before they are written without waiting for the turn's end: some hundred lines, little memory, few system calls. */
export const HELD_CHARACTERS_MAX = 65536;

/** One access log. */
export class AccessLog {
  readonly #format: (record: AccessRecord) => string;
  readonly #sink: AccessLogSink;
  readonly #defer: (task: () => void) => void;
  readonly #flushDeferred: () => void;
  #held = "";
  #deferred = false;

  /**
   * @param format  From `compileAccessLogFormat`.
   * @param defer   Runs its argument at the end of this turn: `setImmediate`.
   */
  constructor(format: (record: AccessRecord) => string, sink: AccessLogSink, defer: (task: () => void) => void) {
    this.#format = format;
    this.#sink = sink;
    this.#defer = defer;
    this.#flushDeferred = () => {
      this.#deferred = false;
      this.flush();
    };
  }

  /** Adds the line of one finished exchange. */
  add(record: AccessRecord): void {
    this.#held += `${this.#format(record)}\n`;
    if (this.#held.length >= HELD_CHARACTERS_MAX) {
      this.flush();
    } else if (!this.#deferred) {
      this.#deferred = true;
      this.#defer(this.#flushDeferred);
    }
  }

  /** Writes what is held; call it before exit. */
  flush(): void {
    if (this.#held === "") return;
    const text = this.#held;
    this.#held = "";
    this.#sink.write(text);
  }

  /** USR1: what was added before belongs to the old file, as a line of Gunicorn's would. */
  reopen(): void {
    this.flush();
    this.#sink.reopen();
  }
}
