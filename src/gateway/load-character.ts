/**
 * What kind of load the workers have: many short requests, or some long ones among them.
 *
 * Under many short ones the gateway had better not interrupt the workers each time one of them answers; as soon as a request is long,
 * the others must not wait for it, and the gateway has to be prompt (channels.md §3, `scheduling`).
 */

/** Fewer answers than this leave processors idle, and nobody is interrupted. */
const ANSWERS_PER_MS_MIN = 1;
/** A request that a worker has held longer is a long one: a hundred times what a small page takes. */
export const LONG_REQUEST_MS = 25;
/** After a long request the load counts as mixed for so long: the next one is likely. */
const MIXED_FOR_MS = 3000;

export class LoadCharacter {
  #sinceMs: number;
  #longSeenMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs  Monotonic. */
  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /**
   * @param answers  Given since the last call.
   * @param hasLong  Some request has been with a worker for more than `LONG_REQUEST_MS`.
   * @returns        Whether short requests are all there is, and many.
   */
  judge(nowMs: number, answers: number, hasLong: boolean): boolean {
    const elapsedMs = Math.max(1, nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    if (hasLong) this.#longSeenMs = nowMs;
    return answers / elapsedMs >= ANSWERS_PER_MS_MIN && nowMs - this.#longSeenMs >= MIXED_FOR_MS;
  }
}
