import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dispatcher, RunningJob } from "../../src/dispatch/dispatcher.ts";
import { RequestLimits } from "../../src/gateway/request-limits.ts";
import type { WorkerRequest } from "../../src/gateway/worker-request.ts";

/** A request that has been in the application since 0, and what became of it. */
class Running {
  late = false;
  cut = 0;
  cutShort(): boolean {
    this.cut++;
    return this.cut === 1;
  }
}

/** Looks at a request at each of these moments. @returns What was told, as `"1500 soft first"`. */
function looked(softMs: number, hardMs: number, momentsMs: readonly number[], request = new Running()): string[] {
  const told: string[] = [];
  let nowMs = 0;
  const limits = new RequestLimits(softMs, hardMs, (_running, limit, first) => told.push(`${nowMs} ${limit}${first ? " first" : ""}`));
  const runningLongerThan = (now: number, limitMs: number): RunningJob[] =>
    now > limitMs ? [{ job: request as unknown as WorkerRequest, worker: 1, ageMs: now }] : [];
  for (nowMs of momentsMs) limits.sweep(nowMs, { runningLongerThan } as unknown as Dispatcher);
  return told;
}

test("the soft limit is told of at once, and again each second", () => {
  const request = new Running();
  assert.deepEqual(looked(1000, 0, [500, 1000], request), []);
  assert.equal(request.late, false);
  assert.deepEqual(looked(1000, 0, [1250, 1500, 2000, 2250, 2500, 3250], request), ["1250 soft first", "2250 soft", "3250 soft"]);
  assert.deepEqual([request.late, request.cut], [true, 0]);
});

test("the hard limit is told of once, when the client has its answer", () => {
  const request = new Running();
  assert.deepEqual(looked(0, 2000, [1900, 2000, 2100, 2200, 9000], request), ["2100 hard first"]);
});

test("both: first the one, then the other, and the soft one no more", () => {
  assert.deepEqual(looked(1000, 3000, [1100, 2000, 2100, 3100, 4100]), ["1100 soft first", "2100 soft", "3100 hard first"]);
});

test("a hard limit below the soft one counts alone", () => {
  assert.deepEqual(looked(3000, 1000, [1100, 3100]), ["1100 hard first"]);
});

test("without limits nobody looks", () => {
  const limits = new RequestLimits(0, 0, () => assert.fail());
  limits.sweep(1e9, { runningLongerThan: () => assert.fail() } as unknown as Dispatcher);
});
