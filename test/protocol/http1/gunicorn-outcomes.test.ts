/** Generated hostile requests with what Gunicorn 27.0.1 made of them, recorded by compare-with-gunicorn.ts. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Case, comparable, cutAt, type Outcome, outcomeOf, peerOf, policyOf } from "./outcome.ts";

interface Recorded {
  readonly case: Case;
  readonly outcome: Outcome;
}

const file = new URL("vectors/gunicorn-outcomes.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as readonly Recorded[];

test(`${recorded.length} recorded requests have the outcome that they have with Gunicorn`, () => {
  assert.ok(recorded.length >= 300);
  for (const { case: one, outcome } of recorded) {
    const ours = outcomeOf(cutAt(Buffer.from(one.bytes, "latin1"), []), policyOf(one.settings), peerOf(one));
    assert.equal(comparable(ours), comparable(outcome), JSON.stringify(one));
  }
});
