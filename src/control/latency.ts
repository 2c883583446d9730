/** How long answers took, out of counts in buckets. */

/** Since the server's start. */
export interface DurationCounts {
  /** Upper bounds of the buckets, rising. */
  readonly bounds_seconds: readonly number[];
  /** Of each bucket alone, and then of what is above all bounds. */
  readonly counts: readonly number[];
}

/** Seconds that so many of a hundred answers took at most. */
export interface Latencies {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** @returns those of the answers that came in between; undefined: none came, or the counts began anew. */
export function latenciesBetween(before: DurationCounts | null | undefined, now: DurationCounts | null | undefined): Latencies | undefined {
  if (before == null || now == null || before.counts.length !== now.counts.length) return undefined;
  const counts = now.counts.map((count, bucket) => count - (before.counts[bucket] ?? 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || counts.some((count) => count < 0)) return undefined;
  const quantile = (part: number): number => quantileOf(now.bounds_seconds, counts, total * part);
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) };
}

/**
 * Within a bucket answers are taken to be spread evenly, as Prometheus' histogram_quantile does.
 *
 * @param rank  The how manieth of them.
 */
function quantileOf(bounds: readonly number[], counts: readonly number[], rank: number): number {
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    const upper = bounds[bucket];
    if (upper === undefined) break;
    const lower = bounds[bucket - 1] ?? 0;
    if (count > 0 && below + count >= rank) return lower + ((upper - lower) * (rank - below)) / count;
    below += count;
  }
  // Above all bounds: no more is known.
  return bounds.at(-1) ?? 0;
}
