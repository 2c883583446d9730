/**
 * Whether a client moves bytes at all: one rule for bodies that come and for responses that go.
 *
 * Silence alone is no measure: a byte now and then would hold a connection, its buffers and its file for ever. So there is a least
 * rate as well, as in Apache's mod_reqtimeout; nginx and hypercorn look for silence only.
 */

/** Apache's `MinRate`: a tenth of what the slowest mobile network carries, and a gigabyte of attack for each connection held for a month. */
export const BYTES_PER_S_MIN = 500;
const MS_PER_SECOND = 1000;

export class ClientPace {
  #sinceMs: number;
  #bytes: number;

  /** @param bytes  Moved before: counted from the beginning of whatever the caller counts. */
  constructor(nowMs: number, bytes: number) {
    this.#sinceMs = nowMs;
    this.#bytes = bytes;
  }

  /** Since when too little has been moved. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The client could not move anything, because of us: its time begins anew. */
  restart(nowMs: number, bytes: number): void {
    this.#sinceMs = nowMs;
    this.#bytes = bytes;
  }

  /**
   * @param bytes    Moved up to now.
   * @param limitMs  Time for each `limitMs` times 500 bytes a second; infinite: the client may take for ever.
   */
  isTooSlow(nowMs: number, bytes: number, limitMs: number): boolean {
    if (bytes - this.#bytes >= (limitMs / MS_PER_SECOND) * BYTES_PER_S_MIN) this.restart(nowMs, bytes);
    return nowMs - this.#sinceMs >= limitMs;
  }
}
