import assert from "node:assert/strict";
import { test } from "node:test";
import { type DurationCounts, latenciesBetween } from "../../src/control/latency.ts";

const NONE = countsOf([0, 0, 0, 0]);

function countsOf(counts: readonly number[]): DurationCounts {
  return { bounds_seconds: [0.01, 0.1, 1], counts };
}

for (const { counts, p50, p95, p99 } of [
  { counts: [100, 0, 0, 0], p50: 0.005, p95: 0.0095, p99: 0.0099 },
  { counts: [0, 0, 10, 0], p50: 0.55, p95: 0.955, p99: 0.991 },
  { counts: [50, 50, 0, 0], p50: 0.01, p95: 0.091, p99: 0.0982 },
  { counts: [98, 0, 2, 0], p50: 0.0051, p95: 0.009694, p99: 0.55 },
  { counts: [1, 0, 0, 99], p50: 1, p95: 1, p99: 1 },
  { counts: [0, 0, 0, 1], p50: 1, p95: 1, p99: 1 },
]) {
  test(`of ${counts.join(", ")}: ${p50}, ${p95}, ${p99}`, () => {
    const found = latenciesBetween(NONE, countsOf(counts)) ?? assert.fail();
    for (const [name, expected] of Object.entries({ p50, p95, p99 }))
      assert.ok(Math.abs(found[name as keyof typeof found] - expected) < 1e-4, `${name} ${JSON.stringify(found)}`);
  });
}

test("only what came in between counts", () => {
  assert.deepEqual(latenciesBetween(countsOf([1000, 7, 3, 0]), countsOf([1000, 7, 4, 0])), latenciesBetween(NONE, countsOf([0, 0, 1, 0])));
});

for (const { name, before, now } of [
  { name: "nothing came", before: countsOf([5, 1, 0, 0]), now: countsOf([5, 1, 0, 0]) },
  { name: "counts that began anew", before: countsOf([5, 1, 0, 0]), now: countsOf([1, 9, 0, 0]) },
  { name: "other buckets", before: { bounds_seconds: [1], counts: [5, 0] }, now: countsOf([6, 0, 0, 0]) },
  { name: "no counts before", before: null, now: countsOf([6, 0, 0, 0]) },
  { name: "no counts", before: undefined, now: undefined },
]) {
  test(`none for ${name}`, () => assert.equal(latenciesBetween(before, now), undefined));
}
