/** The streams of a connection: which are open, which have been, and of which frames may still be under way. */

import { Roster } from "../../base/roster.ts";
import type { Http2Stream } from "./stream.ts";

/**
 * Streams that we have reset and whose frames may still come, because the client had not read it when it sent them
 * (RFC 9113 §5.1). As many as may be reset at once; of one forgotten, late body bytes are answered by another RST_STREAM.
 */
const RESET_STREAMS_MAX = 256;

export class StreamTable {
  readonly #open = new Roster<Http2Stream>();
  readonly #reset = new Set<number>();
  /** The highest number that a client has used. */
  lastId = 0;

  get size(): number {
    return this.#open.size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.find((stream) => stream.id === id);
  }

  /** All open streams; some may be removed while they are gone through. */
  all(): readonly Http2Stream[] {
    return this.#open.all();
  }

  add(stream: Http2Stream): void {
    this.#open.add(stream);
  }

  remove(stream: Http2Stream): void {
    this.#open.remove(stream);
  }

  /** No request has come on it: numbers of clients are odd and go up (RFC 9113 §5.1.1). */
  isIdle(id: number): boolean {
    return id > this.lastId || id % 2 === 0;
  }

  noteReset(id: number): void {
    if (this.#reset.size >= RESET_STREAMS_MAX) this.#reset.delete(this.#reset.values().next().value!);
    this.#reset.add(id);
  }

  wasReset(id: number): boolean {
    return this.#reset.has(id);
  }
}
