/** A histogram with fixed buckets: counting allocates nothing, and two of them join by addition. */

/**
 * Upper bounds in seconds. From 1 ms, below which no application is slow, to a minute, above which requests are over their limits; two or
 * three for each decade, as Prometheus' own libraries have them: 16 series for each histogram.
 */
export const DURATION_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Counts as they travel between processes: one for each bound, then one for what is above all; not cumulated. */
export interface HistogramCounts {
  readonly counts: readonly number[];
  readonly sumS: number;
}

export class Histogram {
  /** Float64: whole numbers up to 2^53, more than any server answers. The last place is the sum in seconds. */
  readonly #values = new Float64Array(DURATION_BOUNDS_S.length + 2);

  observe(seconds: number): void {
    // From the front: most are short.
    let bucket = 0;
    while (bucket < DURATION_BOUNDS_S.length && seconds > DURATION_BOUNDS_S[bucket]!) bucket++;
    this.#values[bucket]!++;
    this.#values[SUM]! += seconds;
  }

  add({ counts, sumS }: HistogramCounts): void {
    for (const [bucket, count] of counts.slice(0, SUM).entries()) this.#values[bucket]! += count;
    this.#values[SUM]! += sumS;
  }

  get counts(): HistogramCounts {
    return { counts: Array.from(this.#values.subarray(0, SUM)), sumS: this.#values[SUM]! };
  }

  clear(): void {
    this.#values.fill(0);
  }
}

const SUM = DURATION_BOUNDS_S.length + 1;
