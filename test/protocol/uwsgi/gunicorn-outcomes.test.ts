/** Generated uWSGI connections with what Gunicorn 27.0.1 made of them, recorded by compare-with-gunicorn.ts. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { everyByte } from "../http1/outcome.ts";
import { isAsGunicorns, type Outcome, outcomeOf } from "./outcome.ts";

interface Recorded {
  /** Base64. */
  readonly bytes: string;
  readonly outcome: Outcome;
}

const file = new URL("vectors/gunicorn-outcomes.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as readonly Recorded[];

test(`${recorded.length} recorded connections have the outcome that they have with Gunicorn, whole and byte by byte`, () => {
  assert.ok(recorded.length >= 300);
  for (const { bytes, outcome } of recorded) {
    const whole = Buffer.from(bytes, "base64");
    for (const ours of [outcomeOf([whole]), outcomeOf(everyByte(whole))]) {
      assert.ok(isAsGunicorns(ours, outcome), `${bytes}\nours: ${JSON.stringify(ours)}\nGunicorn: ${JSON.stringify(outcome)}`);
    }
  }
});
