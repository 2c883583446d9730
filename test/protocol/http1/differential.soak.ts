/** Generated hostile requests, many of them, as Gunicorn reads them. `TUNICORN_SOAK_REQUESTS` and `TUNICORN_SOAK_SEED` change the run. */

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { compareGenerated } from "./compare-generated.ts";

const REQUESTS = Number(env.TUNICORN_SOAK_REQUESTS ?? 200_000);
const SEED = Number(env.TUNICORN_SOAK_SEED ?? 1);
const PYTHON = fileURLToPath(new URL("../../../.venv-test/bin/python", import.meta.url));
/** Differences shown in full; more would only repeat them. */
const SHOWN_MAX = 20;
/** What Gunicorn must have said how often, of a thousand: else the generator only knocks at the door. */
const SHARES_MIN = { served: 150, "with a body": 50, "two or more": 20, "with trailers": 2, refused: 300 };

test(`${REQUESTS} hostile requests are read as Gunicorn reads them`, async () => {
  const differences: string[] = [];
  const kinds: Record<string, number> = {};
  const count = (kind: string) => {
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  };
  const startedMs = Date.now();
  const { compared, verdicts } = await compareGenerated(PYTHON, REQUESTS, SEED, (one, ours, theirs, verdict) => {
    if (theirs.requests.length > 0) count("served");
    if (theirs.requests.length > 1) count("two or more");
    if (theirs.requests.some(({ body }) => body !== undefined && body !== "")) count("with a body");
    if (theirs.requests.some(({ trailers }) => trailers !== undefined && trailers.length > 0)) count("with trailers");
    if (theirs.refusal !== null) {
      count("refused");
      count(theirs.refusal.message.replace(/[:(].*/s, ""));
    }
    if (verdict === "different" && differences.length < SHOWN_MAX) {
      differences.push(`${JSON.stringify(one)}\nours:     ${JSON.stringify(ours)}\nGunicorn: ${JSON.stringify(theirs)}`);
    }
  });
  console.log(`compared=${compared} seconds=${((Date.now() - startedMs) / 1000).toFixed(1)} peak_mb=${peakMegabytes()}`);
  console.log(`verdicts=${JSON.stringify(verdicts)}`);
  console.log(`kinds=${JSON.stringify(kinds)}`);
  assert.deepEqual(differences, []);
  for (const [kind, share] of Object.entries(SHARES_MIN)) {
    assert.ok((kinds[kind] ?? 0) * 1000 >= share * compared, `only ${kinds[kind]} of ${compared} requests were ${kind}`);
  }
});

function peakMegabytes(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
