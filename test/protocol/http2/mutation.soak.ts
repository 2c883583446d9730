/** Five million frames, many of them damaged, through the engine. `TUNICORN_SOAK_INPUTS` and `TUNICORN_SOAK_SEED` change the run. */

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { runMutations } from "./mutation-run.ts";

const FRAMES = Number(env.TUNICORN_SOAK_INPUTS ?? 5_000_000);
const SEED = Number(env.TUNICORN_SOAK_SEED ?? 1);
/** Between a quarter of the run, when all tables are full, and its end. A connection's state goes with it; what moves is V8's own. */
const HEAP_GROWTH_BYTES_MAX = 4 * 1024 * 1024;
/** A conversation has 40 frames at most and takes a millisecond: one that takes this long does not end in any useful time. */
const HANG_MS = 5000;

test(`${FRAMES} frames: no crash, no hang, no growth, the same outcome wherever they are cut`, () => {
  const startedMs = performance.now();
  const { heapBytes, slowestMs, ...counts } = runMutations(FRAMES, SEED);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${JSON.stringify(counts)} seconds=${seconds} slowest_ms=${slowestMs.toFixed(1)}`);
  console.log(`heap_mb=${heapBytes.map(megabytes).join(" ")} peak_rss_mb=${Math.round(process.resourceUsage().maxRSS / 1024)}`);
  const [warm = 0, last = 0] = [heapBytes[Math.floor(heapBytes.length / 4)], heapBytes.at(-1)];
  assert.ok(last - warm < HEAP_GROWTH_BYTES_MAX, `the heap grew from ${megabytes(warm)} to ${megabytes(last)} MB`);
  assert.ok(slowestMs < HANG_MS, `a conversation took ${slowestMs} ms`);
});

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
