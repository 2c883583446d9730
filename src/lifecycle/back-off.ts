/** Waiting longer after each failure in a row: 0.1 s doubling to 5 s. Without it a worker that cannot boot was forked 300 times a second. */

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;
/** What lived this long was well: its death is a first failure again, not the next of a loop. */
export const STEADY_MS = 1000;

export interface BackOff {
  /** Failures in a row; 0 when all is well. */
  failures: number;
  lastFailureMs: number;
  /** No attempt before this moment. */
  notBeforeMs: number;
}

export function noBackOff(): BackOff {
  return { failures: 0, lastFailureMs: Number.NEGATIVE_INFINITY, notBeforeMs: Number.NEGATIVE_INFINITY };
}

/**
 * Counts one failure.
 *
 * @param attemptMs  When the attempt that failed was begun: several that were begun before the last failure count as one.
 * @returns          Milliseconds until the next attempt.
 */
export function countFailure(backOff: BackOff, attemptMs: number, nowMs: number): number {
  if (attemptMs >= backOff.lastFailureMs) {
    backOff.failures += 1;
    backOff.lastFailureMs = nowMs;
    // 2^10 is far past the longest wait; the bound keeps the power finite.
    backOff.notBeforeMs = nowMs + Math.min(FIRST_WAIT_MS * 2 ** Math.min(backOff.failures - 1, 10), LONGEST_WAIT_MS);
  }
  return Math.max(0, backOff.notBeforeMs - nowMs);
}

/** @returns `wait_s=0.1`, the shape in which our lines tell of a wait. */
export function describeWait(waitMs: number): string {
  return `wait_s=${(waitMs / 1000).toFixed(1)}`;
}

/** Ends the row of failures, because something begun after the last one has lived for `STEADY_MS`. */
export function forgetFailures(backOff: BackOff): void {
  Object.assign(backOff, noBackOff());
}
