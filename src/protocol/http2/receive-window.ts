/** How much a client may send (RFC 9113 §5.2): less with each byte that comes, more when somebody has taken bytes. */

export class ReceiveWindow {
  readonly #size: number;
  #available: number;
  /** Taken, but not said so yet. */
  #due = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  /** Bytes come. @returns false when the client was not allowed to send them. */
  take(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /** The client has read that it may send less than it thought. */
  shrink(bytes: number): void {
    this.#available -= bytes;
  }

  /**
   * Somebody has taken bytes.
   *
   * @returns What a WINDOW_UPDATE is to say now; 0 while it is less than half a window, so that there is not one for each frame.
   */
  giveBack(bytes: number): number {
    this.#due += bytes;
    if (this.#due * 2 < this.#size) return 0;
    const increment = this.#due;
    this.#due = 0;
    this.#available += increment;
    return increment;
  }
}
