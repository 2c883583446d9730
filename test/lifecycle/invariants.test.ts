import { test } from "node:test";
import fc from "fast-check";
import { deadlyStory, livelyStory } from "./happenings.ts";

// A million steps are `invariants.soak.ts`.
test("whatever happens while serving, the invariants hold, and quiet brings back the wanted workers; then a TERM ends it once", () =>
  fc.assert(livelyStory, { numRuns: 600 }));

test("whatever happens from the start on, signals to stop included, it ends exactly once and forks nothing after", () =>
  fc.assert(deadlyStory, { numRuns: 800 }));
