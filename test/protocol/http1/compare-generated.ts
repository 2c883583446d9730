/** Holds our parser against Gunicorn's on generated hostile requests, batch after batch. */

import fc from "fast-check";
import { compareOutcomes, GunicornOracle, ourOutcome, type Verdict } from "./gunicorn-oracle.ts";
import { hostileCase } from "./hostile-cases.ts";
import type { Case, Outcome } from "./outcome.ts";

/** Cases of one batch: enough that waiting for the other side does not count, few enough to hold in memory as text. */
const BATCH_CASES = 5000;

export interface Comparison {
  readonly compared: number;
  /** How often each verdict was given. */
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>;
}

/**
 * @param python  Has gunicorn 27.0.1.
 * @param seed    Of the first batch; the same seed gives the same requests.
 * @param onCase  Sees every case with both outcomes.
 */
export async function compareGenerated(
  python: string,
  count: number,
  seed: number,
  onCase: (one: Case, ours: Outcome, theirs: Outcome, verdict: Verdict) => void,
): Promise<Comparison> {
  const oracle = new GunicornOracle(python);
  const verdicts: Partial<Record<Verdict, number>> = {};
  const sample = (done: number): Case[] =>
    done < count ? fc.sample(hostileCase, { numRuns: Math.min(BATCH_CASES, count - done), seed: seed + done }) : [];
  try {
    let cases = sample(0);
    for (let done = 0; done < count; done += BATCH_CASES) {
      const answers = oracle.ask(cases);
      // Gunicorn parses meanwhile.
      const ours = cases.map(ourOutcome);
      const next = sample(done + BATCH_CASES);
      for (const [index, theirs] of (await answers).entries()) {
        const verdict = compareOutcomes(cases[index]!, ours[index]!, theirs);
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
        onCase(cases[index]!, ours[index]!, theirs, verdict);
      }
      cases = next;
    }
  } finally {
    oracle.close();
  }
  return { compared: count, verdicts };
}
