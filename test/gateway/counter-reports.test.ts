import assert from "node:assert/strict";
import { test } from "node:test";
import { CounterReports, type GaugesNow } from "../../src/gateway/counter-reports.ts";
import type { GatewayCounters } from "../../src/telemetry/gateway-counters.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";

function stage() {
  const traffic = new Traffic();
  let gauges: GaugesNow = { connections: 0, inFlight: 0, queued: 0, workerLagsMs: [] };
  const sent: GatewayCounters[] = [];
  const reports = new CounterReports(
    traffic,
    () => gauges,
    (counters) => sent.push(counters),
    { periodMs: 250, nowMs: 0 },
  );
  const change = (changed: Partial<GaugesNow>): void => {
    gauges = { ...gauges, ...changed };
  };
  return { traffic, sent, reports, change };
}

test("a report each second, of what was counted since the last one", () => {
  const { traffic, sent, reports } = stage();
  for (let nowMs = 250; nowMs <= 3000; nowMs += 250) {
    traffic.answered(200, 3);
    reports.tick(nowMs);
  }
  assert.deepEqual(
    sent.map((counters) => counters.traffic.requests[2]),
    [4, 4, 4],
  );
});

test("where nothing happens nobody is told so each second", () => {
  const { traffic, sent, reports, change } = stage();
  for (let nowMs = 250; nowMs <= 5000; nowMs += 250) reports.tick(nowMs);
  assert.equal(sent.length, 1);
  change({ queued: 3, inFlight: 4, connections: 5 });
  reports.report();
  reports.report();
  assert.deepEqual(sent.at(-1)?.gauges, { connections: 5, inFlight: 4, queued: 3, lagS: 0, workerLagsS: [] });
  assert.equal(sent.length, 2);
  for (const _ of [1, 2]) {
    // Equal twice, and counted twice.
    traffic.waited(3);
    reports.report();
  }
  assert.equal(sent.length, 4);
});

test("lag is the worst lateness of the ticks of a second, and little of it is none", () => {
  const { sent, reports, change } = stage();
  change({
    workerLagsMs: [
      [3, 4],
      [4, 1500.4],
    ],
  });
  for (const nowMs of [250, 502, 1252]) reports.tick(nowMs);
  assert.deepEqual(
    [sent[0]?.gauges.lagS, sent[0]?.gauges.workerLagsS],
    [
      0.5,
      [
        [3, 0],
        [4, 1.5],
      ],
    ],
  );
  for (const nowMs of [1503, 1754, 2005, 2256]) reports.tick(nowMs);
  assert.equal(sent[1]?.gauges.lagS, 0);
});
