import assert from "node:assert/strict";
import { test } from "node:test";
import { DrainProgress } from "../../src/gateway/drain-progress.ts";

test("what is left is said at once, and every five seconds while it lasts", () => {
  const lines: string[] = [];
  const progress = new DrainProgress(1000, (text) => lines.push(text));
  for (let nowMs = 1000; nowMs <= 12_000; nowMs += 250) progress.look(nowMs, { connections: 3, requests: nowMs < 9000 ? 2 : 1 });
  assert.deepEqual(lines, [
    "draining connections=3 requests=2 waited_s=0.0",
    "draining connections=3 requests=2 waited_s=5.0",
    "draining connections=3 requests=1 waited_s=10.0",
  ]);
});

test("nothing is said of nothing", () => {
  const lines: string[] = [];
  const progress = new DrainProgress(0, (text) => lines.push(text));
  progress.look(0, { connections: 0, requests: 0 });
  assert.deepEqual(lines, []);
});
