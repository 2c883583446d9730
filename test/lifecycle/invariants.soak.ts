/** A million steps of the arbiter's mind, driven by random events: the stories of `invariants.test.ts`, again and again. */

import { test } from "node:test";
import fc from "fast-check";
import { deadlyStory, livelyStory, taken } from "./happenings.ts";

const STEPS = 1_000_000;

test("a million steps, and the invariants hold", (t) => {
  let stories = 0;
  // Each call has a seed of its own, which a failure shows.
  for (; taken.steps < STEPS; stories += 200) {
    fc.assert(livelyStory, { numRuns: 100 });
    fc.assert(deadlyStory, { numRuns: 100 });
  }
  t.diagnostic(`${taken.steps} steps in ${stories} stories`);
});
