import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dispatcher, RunningJob } from "../../src/dispatch/dispatcher.ts";
import { RequestLimits, type RequestTimes } from "../../src/gateway/request-limits.ts";
import type { WorkerRequest } from "../../src/gateway/worker-request.ts";

const NONE: RequestTimes = { slowMs: 0, softMs: 0, hardMs: 0 };

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
function looked(times: Partial<RequestTimes>, momentsMs: readonly number[], request = new Running()): string[] {
  const told: string[] = [];
  let nowMs = 0;
  const limits = new RequestLimits({ ...NONE, ...times }, (_running, limit, first) =>
    told.push(`${nowMs} ${limit}${first ? " first" : ""}`),
  );
  const runningLongerThan = (now: number, limitMs: number): RunningJob[] =>
    now > limitMs ? [{ job: request as unknown as WorkerRequest, worker: 1, ageMs: now }] : [];
  for (nowMs of momentsMs) limits.sweep(nowMs, { runningLongerThan } as unknown as Dispatcher);
  return told;
}

test("the soft limit is told of at once, and again each second", () => {
  const request = new Running();
  assert.deepEqual(looked({ softMs: 1000 }, [500, 1000], request), []);
  assert.equal(request.late, false);
  assert.deepEqual(looked({ softMs: 1000 }, [1250, 1500, 2000, 2250, 2500, 3250], request), ["1250 soft first", "2250 soft", "3250 soft"]);
  assert.deepEqual([request.late, request.cut], [true, 0]);
});

test("the hard limit is told of once, when the client has its answer", () => {
  const request = new Running();
  assert.deepEqual(looked({ hardMs: 2000 }, [1900, 2000, 2100, 2200, 9000], request), ["2100 hard first"]);
});

test("both: first the one, then the other, and the soft one no more", () => {
  assert.deepEqual(looked({ softMs: 1000, hardMs: 3000 }, [1100, 2000, 2100, 3100, 4100]), [
    "1100 soft first",
    "2100 soft",
    "3100 hard first",
  ]);
});

test("a hard limit below the soft one counts alone", () => {
  assert.deepEqual(looked({ softMs: 3000, hardMs: 1000 }, [1100, 3100]), ["1100 hard first"]);
});

test("a slow request is told of at once, and again at each doubling of its age", () => {
  const request = new Running();
  const moments = [900, 1000, 1250, 1500, 1900, 2100, 3900, 4250, 7000, 8000, 8250];
  assert.deepEqual(looked({ slowMs: 1000 }, moments, request), ["1250 slow first", "2100 slow", "4250 slow", "8000 slow"]);
  assert.deepEqual([request.late, request.cut], [false, 0], "nothing happens to it");
});

test("what was passed over is not made up for", () => {
  assert.deepEqual(looked({ slowMs: 1000 }, [9000, 9250, 15_900, 16_100]), ["9000 slow first", "16100 slow"]);
});

test("all three: it is shown before it is interrupted, and at the hard limit no more", () => {
  const times = { slowMs: 500, softMs: 1000, hardMs: 2000 };
  assert.deepEqual(looked(times, [600, 1100, 2100, 4100]), ["600 slow first", "1100 slow", "1100 soft first", "2100 hard first"]);
});

test("after a reload the new times count, and what was told of once is not told of as the first", () => {
  const told: string[] = [];
  let nowMs = 1100;
  const limits = new RequestLimits({ ...NONE, slowMs: 1000 }, (_running, limit, first) =>
    told.push(`${nowMs} ${limit}${first ? " first" : ""}`),
  );
  const job = new Running() as unknown as WorkerRequest;
  const dispatcher = { runningLongerThan: () => [{ job, worker: 1, ageMs: nowMs }] } as unknown as Dispatcher;
  limits.sweep(nowMs, dispatcher);
  limits.change({ ...NONE, softMs: 1500 });
  nowMs = 1600;
  limits.sweep(nowMs, dispatcher);
  assert.deepEqual(told, ["1100 slow first", "1600 soft first"]);
});

test("without limits nobody looks", () => {
  const limits = new RequestLimits(NONE, () => assert.fail());
  limits.sweep(1e9, { runningLongerThan: () => assert.fail() } as unknown as Dispatcher);
});
