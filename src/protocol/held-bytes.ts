/**
 * The bytes of a connection that have come and are not used up: a window on the chunk that is being fed, or, when a piece
 * of it is left over, on a buffer of its own. Most requests come in one piece, and are never copied.
 */

const EMPTY = Buffer.alloc(0);
/** First size of an own buffer: most heads fit, and thousands of connections that sit on half a head stay cheap. */
const OWN_BYTES_MIN = 512;

export class HeldBytes {
  /** Valid from `start` to `end`; what lies outside is not ours to read. */
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** `bytes` was made here, so that bytes behind `end` may be written. */
  #own = false;

  get length(): number {
    return this.end - this.start;
  }

  /** The bytes lie in a chunk that is its owner's again after `keep`: views of them must not be kept. */
  get borrowed(): boolean {
    return !this.#own;
  }

  /** Adds a chunk. It is not copied when nothing is held, the usual case: `keep` must follow. Bytes of ours that views were given of are never written again. */
  append(chunk: Buffer): void {
    if (this.length === 0) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#own = false;
      return;
    }
    if (!this.#own || this.bytes.length - this.end < chunk.length) this.#move(chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Uses bytes up to `at`. The buffer is let go with its last byte. */
  consume(at: number): void {
    this.start = at;
    if (at === this.end) this.clear();
  }

  /** What is left of a borrowed chunk moves to a buffer of its own. */
  keep(): void {
    if (!this.#own && this.length > 0) this.#move(0);
  }

  clear(): void {
    this.bytes = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  /** Moves what is held to a larger buffer of its own: with as much room again when small pieces trickle in, so that copying stays linear. */
  #move(moreBytes: number): void {
    const needed = this.length + moreBytes;
    const room = moreBytes < this.length ? 2 * needed : needed;
    // Not from the shared pool: one byte held there keeps 8 KB alive.
    const larger = Buffer.allocUnsafeSlow(Math.max(OWN_BYTES_MIN, room));
    this.bytes.copy(larger, 0, this.start, this.end);
    this.end = this.length;
    this.start = 0;
    this.bytes = larger;
    this.#own = true;
  }
}
