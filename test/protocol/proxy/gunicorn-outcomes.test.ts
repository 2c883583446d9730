/** Generated PROXY headers with what Gunicorn 27.0.1 made of them, recorded by compare-with-gunicorn.ts. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { comparable } from "./meant-differences.ts";
import { type Case, type Outcome, outcomeOf } from "./outcome.ts";

interface Recorded {
  readonly case: Case;
  readonly outcome: Outcome;
}

const file = new URL("vectors/gunicorn-outcomes.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as readonly Recorded[];

test(`${recorded.length} recorded headers have the outcome that they have with Gunicorn`, () => {
  for (const at of ["header", "refused", "absent", "more"]) {
    assert.ok(recorded.filter(({ outcome }) => outcome.at === at).length >= 10, `too few with the outcome "${at}"`);
  }
  for (const { case: one, outcome } of recorded) assert.equal(comparable(outcomeOf(one)), comparable(outcome), JSON.stringify(one));
});
