/** The middle value, or the mean of the two in the middle. Throws RangeError for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median of no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The smallest value that at least `share` of all values do not exceed (nearest rank: always a value that was measured).
 *
 * @param share  0 to 1: 0.99 for p99
 * @throws {RangeError} for no values
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("percentile of no values");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** How one server compares with another over several rounds. */
export interface Ratio {
  /** Median of ours divided by median of theirs. */
  readonly ofMedians: number;
  /** Smallest and largest ratio within one round; undefined when no round measured both. */
  readonly spread: readonly [number, number] | undefined;
}

/**
 * Compares two servers measured alternately, round by round.
 *
 * @param ours    one value for each round, undefined where the round failed: `[61000, undefined, 60500]`
 * @param theirs  the same rounds
 * @returns       undefined when one of them has no value at all
 */
export function compareRounds(ours: readonly (number | undefined)[], theirs: readonly (number | undefined)[]): Ratio | undefined {
  const oursMeasured = ours.filter((value) => value !== undefined);
  const theirsMeasured = theirs.filter((value) => value !== undefined);
  if (oursMeasured.length === 0 || theirsMeasured.length === 0) return undefined;
  const perRound = ours.flatMap((value, round) => {
    const other = theirs[round];
    return value === undefined || other === undefined ? [] : [value / other];
  });
  return {
    ofMedians: median(oursMeasured) / median(theirsMeasured),
    spread: perRound.length === 0 ? undefined : [Math.min(...perRound), Math.max(...perRound)],
  };
}
