import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, takeOlderThan } from "../../src/dispatch/dispatcher.ts";
import { JobQueue } from "../../src/dispatch/job-queue.ts";

const job = (queuedMs: number): Job => ({
  environ: "",
  inlineBody: undefined,
  queuedMs,
  id: 0,
  abandoned: false,
  onDropped: () => {},
  onWorkerLost: () => {},
});

test("jobs that have waited too long are taken off the front", () => {
  const queue = new JobQueue<Job>();
  const jobs = [10, 20, 30].map(job);
  for (const one of jobs) queue.push(one);
  assert.deepEqual(takeOlderThan(queue, 10), []);
  assert.deepEqual(takeOlderThan(queue, 25), jobs.slice(0, 2));
  assert.equal(queue.length, 1);
});
