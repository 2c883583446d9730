/** The gateway's clock, and work that comes again and again. */

/** CLOCK_MONOTONIC in milliseconds: the clock that workers write into slots (Python's time.monotonic). */
export function monotonicMs(): number {
  return performance.now() + CLOCK_OFFSET_MS;
}

const CLOCK_OFFSET_MS = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

/**
 * Calls `work` again and again, each time when what has come meanwhile has been read. A timer alone comes before that: when the process
 * has not run for a while, all deadlines would seem to have passed while the bytes that meet them lie in the kernel.
 */
export function everyTurnAfter(periodMs: number, work: () => void): void {
  setInterval(() => setImmediate(work), periodMs);
}
