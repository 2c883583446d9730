/** How often something may happen: a bucket of tokens that fills up again as time passes. */

const MS_PER_SECOND = 1000;

export class RateLimit {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #filledMs: number | undefined;

  /** @param burst  So many at once, from a full bucket. @param perSecond  So many for good. */
  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perMs = perSecond / MS_PER_SECOND;
    this.#tokens = burst;
  }

  /** Takes one token. @param nowMs  Of a clock that only goes forward. @returns false when there is none. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - (this.#filledMs ?? nowMs)) * this.#perMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Gives tokens for something that allows more: parts of one count too. */
  earn(tokens: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + tokens);
  }
}
