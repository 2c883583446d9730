/**
 * The last head of a connection, for a client that sends the same one again and again: API clients, health checks, load tests.
 *
 * For the same policy and the same peer the same bytes mean the same, so a head whose bytes have been checked is not read twice
 * [measured: a sixth of the gateway's time for a short request]. One head of a connection, and not for long.
 */

import { EncodedHead } from "../../request/encoded-head.ts";
import type { RequestHead } from "../../request/request-head.ts";
import type { HeldBytes } from "../held-bytes.ts";

/** A client that asks for so many different things in a row is not watched any more: the comparison would be for nothing. */
const MISSES_MAX = 4;
/** Longer heads are not kept: thousands of connections may have one each. */
const HEAD_BYTES_MAX = 2048;

export class LastHead {
  #bytes: Buffer | undefined;
  #head: RequestHead | undefined;
  #misses = 0;

  /** @returns the head that stands at the front of what is held, if it is the last one again. */
  match(held: HeldBytes): RequestHead | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    const end = held.start + bytes.length;
    if (end > held.end || bytes.compare(held.bytes, held.start, end) !== 0) return undefined;
    held.consume(end);
    this.#misses = 0;
    return this.#head;
  }

  /**
   * Notes a head that was read.
   *
   * @param bytes  From `start` to `end` it stands there; copied.
   * @param head   Not yet anybody's; copied.
   */
  note(bytes: Buffer, start: number, end: number, head: RequestHead): void {
    this.#misses++;
    // Many clients ask for something once.
    if (this.#misses === 1 || this.#misses > MISSES_MAX || end - start > HEAD_BYTES_MAX) {
      this.#drop();
      return;
    }
    // Not from the shared pool: one byte held there keeps 8 KB alive.
    this.#bytes = Buffer.allocUnsafeSlow(end - start);
    bytes.copy(this.#bytes, 0, start, end);
    this.#head = { ...head, encoded: new EncodedHead() };
  }

  /** Begins anew, with whatever comes next. */
  forget(): void {
    this.#misses = 0;
    this.#drop();
  }

  #drop(): void {
    this.#bytes = undefined;
    this.#head = undefined;
  }
}
