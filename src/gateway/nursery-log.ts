/** Lines that a Python logger is to write, and no worker can: the nursery has the same logger (docs/internals/channels.md §3). */

import type { Completion } from "../request/exchange.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { RequestHead } from "../request/request-head.ts";
import { encodeEnviron } from "../wire/environ.ts";

/** What waits for a nursery that is busy, or is being replaced. Beyond it lines are dropped: a log must not fill memory. */
const UNSENT_BYTES_MAX = 1024 * 1024;
/** What a message costs besides its texts, about. */
const MESSAGE_BYTES = 256;

/** The way to the nursery: `process` itself. */
export interface NurseryChannel {
  readonly connected: boolean;
  send?(message: object, handle: undefined, options: object, callback: () => void): boolean;
}

export class NurseryLog {
  /** SCRIPT_NAME of the environment. */
  scriptName = "";
  readonly #channel: NurseryChannel;
  #unsentBytes = 0;

  constructor(channel: NurseryChannel) {
    this.#channel = channel;
  }

  /** A line of the error log. @returns false when it cannot be sent. */
  line(level: string, text: string): boolean {
    return this.#send({ ev: "log", level, text }, text.length);
  }

  /** A line of the access log, of a request that no worker will write. */
  access({ head, status, bodyBytes, fieldLines, durationUs }: Completion): void {
    const environ = this.#environOf(head);
    const message = { ev: "access", environ, status, bytes: bodyBytes, fields: fieldLines, durationUs: Math.floor(durationUs) };
    this.#send(message, environ.length + fieldLines.length);
  }

  /** What no WSGI application can be told of has a line all the same. */
  #environOf({ connectProtocol, ...head }: RequestHead): string {
    try {
      return encodeEnviron(head, this.scriptName);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // It was refused for its SCRIPT_NAME.
      return encodeEnviron({ ...head, scriptName: undefined }, "");
    }
  }

  #send(message: object, textBytes: number): boolean {
    if (!this.#channel.connected || this.#unsentBytes > UNSENT_BYTES_MAX) return false;
    const bytes = textBytes + MESSAGE_BYTES;
    this.#unsentBytes += bytes;
    this.#channel.send?.(message, undefined, {}, () => {
      this.#unsentBytes -= bytes;
    });
    return true;
  }
}
