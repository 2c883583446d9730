import assert from "node:assert/strict";
import { test } from "node:test";
import { runMutations } from "./mutation-run.ts";

/** A taste of mutation.soak.ts, for every run of the tests. */
const INPUTS = 30_000;

test(`${INPUTS} mutated inputs break no rule`, () => {
  const { requests, cutInputs } = runMutations(INPUTS, 7);
  assert.ok(requests > INPUTS / 4, `only ${requests} requests were served: the mutations reach nothing`);
  assert.ok(cutInputs > INPUTS / 20);
});
