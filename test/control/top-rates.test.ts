import assert from "node:assert/strict";
import { test } from "node:test";
import { ratesBetween } from "../../src/control/top-rates.ts";
import { sampleOf, topOf, workerOf } from "./top-of.ts";

const { counters, connections, server } = topOf();
const before = sampleOf({ workers: [workerOf(101, { requests: 10 }), workerOf(102, { requests: null })] }, 1000);

test("what has come meanwhile, by the second", () => {
  const now = sampleOf(
    {
      counters: { ...counters, requests: 120 },
      connections: { ...connections, accepted: 34 },
      workers: [workerOf(101, { requests: 90 }), workerOf(103, { requests: 6 }), workerOf(102, { requests: null })],
    },
    3000,
  );
  const rates = ratesBetween(before, now);
  assert.deepEqual([rates?.requests, rates?.connections, rates?.latencies], [50, 2, undefined]);
  assert.deepEqual(
    [...(rates?.byWorker ?? [])],
    [
      [101, 40],
      [103, 3],
      [102, 0],
    ],
  );
});

test("how long the answers took that came meanwhile", () => {
  const durationsOf = (...counts: number[]) => ({ durations: { bounds_seconds: [1, 3], counts } });
  const rates = ratesBetween(sampleOf(durationsOf(5, 5, 0), 1000), sampleOf(durationsOf(5, 15, 0), 2000));
  assert.equal(rates?.latencies?.p50, 2);
});

for (const { name, now } of [
  { name: "another server", now: sampleOf({ server: { ...server, pid: 7 } }, 2000) },
  { name: "a gateway that has begun anew", now: sampleOf({ counters: { ...counters, requests: 3 } }, 2000) },
  { name: "connections that are counted anew", now: sampleOf({ connections: { ...connections, accepted: 3 } }, 2000) },
  { name: "the same moment", now: sampleOf({}, 1010) },
]) {
  test(`none for ${name}`, () => assert.equal(ratesBetween(before, now), undefined));
}

test("none for the first look", () => assert.equal(ratesBetween(undefined, before), undefined));
