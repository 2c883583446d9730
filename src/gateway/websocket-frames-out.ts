/** Server's frames on their way to a tunnel: heads of small whole messages, and what the package ws takes for a socket. */

import { type FrameSink, Sender } from "ws";

/** Heads of whole messages that are sent without ws's help, which has made them: by length, for text and for binary. */
const heads: readonly [(string | undefined)[], (string | undefined)[]] = [[], []];

/** @param payloadBytes  Few: each length is remembered. @returns  latin-1 */
export function frameHead(payloadBytes: number, binary: boolean): string {
  const ofKind = heads[binary ? 1 : 0];
  ofKind[payloadBytes] ??= Sender.frame(Buffer.alloc(payloadBytes), {
    opcode: binary ? 2 : 1,
    fin: true,
    rsv1: false,
    mask: false,
  })[0].latin1Slice();
  return ofKind[payloadBytes];
}

/** What a Sender takes for a socket: a frame's head and payload arrive one after the other, and leave together. */
export class TunnelSink implements FrameSink {
  /** Nothing is written any more. */
  destroyed = false;
  readonly #write: (bytes: Buffer) => void;
  #pieces: Buffer[] | undefined;
  #done: (() => void) | undefined;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  cork(): void {
    this.#pieces = [];
  }

  uncork(): void {
    const pieces = this.#pieces ?? [];
    const done = this.#done;
    this.#pieces = undefined;
    this.#done = undefined;
    this.#write(Buffer.concat(pieces));
    done?.();
  }

  write(bytes: Buffer, done?: () => void): void {
    if (this.#pieces === undefined) {
      this.#write(bytes);
      done?.();
      return;
    }
    this.#pieces.push(bytes);
    // A frame's payload comes last.
    this.#done = done;
  }
}
