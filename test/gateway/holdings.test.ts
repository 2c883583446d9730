import assert from "node:assert/strict";
import { test } from "node:test";
import { TARGET_SHOWN_MAX } from "../../src/gateway/holdings.ts";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { PoolHarness } from "./pool-harness.ts";
import { until } from "./spool-directory.ts";

const OK = { status: "200 OK" };

test("what runs, what waits and what is still coming, the oldest first", async (t) => {
  const harness = new PoolHarness(t);
  const { number } = await harness.worker();
  harness.request("/runs").head.requestId = "a-1";
  const ticket = await harness.take(number);
  harness.nowMs += 100;
  harness.request("/waits");
  harness.nowMs += 100;
  harness.request("/comes", { framing: { kind: "length", bytes: 10 } });
  harness.nowMs += 50;
  const { requests, ...rest } = harness.pool.holdings(10);
  assert.deepEqual(requests, [
    { method: "GET", target: "/runs", id: ticket.id, ageMs: 250, requestId: "a-1", state: "running", worker: 1 },
    { method: "GET", target: "/waits", id: requests[1]?.id, ageMs: 150, state: "queued" },
    { method: "POST", target: "/comes", id: 0, ageMs: 50, state: "receiving" },
  ]);
  assert.deepEqual(rest, { more: 0, queued: 1, answered: 0, workers: [{ worker: 1, requests: 0, inFlight: 1, silentMs: 249 }] });
});

test("answers are counted, those of workers that are gone too", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const answer = async (path: string): Promise<void> => {
    harness.request(path);
    const { id } = await harness.take(number);
    worker.send(FROM_WORKER.response, id, OK);
    await until(() => harness.pool.held === 0);
  };
  await answer("/one");
  await answer("/two");
  assert.deepEqual(harness.pool.holdings(10).workers, [{ worker: 1, requests: 2, inFlight: 0, silentMs: 0 }]);
  worker.die();
  await until(() => harness.reports.some((report) => report.startsWith("lost")));
  const { workers, answered } = harness.pool.holdings(10);
  assert.deepEqual([workers, answered], [[], 2]);
});

test("the list is bounded, its rest is counted; a target is cut", async (t) => {
  const harness = new PoolHarness(t);
  await harness.worker();
  harness.request(`/${"x".repeat(1000)}`);
  for (let number = 0; number < 29; number += 1) harness.request("/waits");
  const { requests, more, queued } = harness.pool.holdings(10);
  assert.deepEqual([requests.length, more, queued, requests[0]?.target.length], [10, 20, 30, TARGET_SHOWN_MAX]);
});
