import assert from "node:assert/strict";
import { test } from "node:test";
import { DURATION_BOUNDS_S, Histogram } from "../../src/telemetry/histogram.ts";

test("a value at a bound belongs below it, one above all to the last place", () => {
  const histogram = new Histogram();
  for (const seconds of [0, 0.001, 0.0011, 60, 61, 4711]) histogram.observe(seconds);
  const { counts, sumS } = histogram.counts;
  assert.equal(counts.length, DURATION_BOUNDS_S.length + 1);
  assert.deepEqual([counts[0], counts[1], counts.at(-2), counts.at(-1)], [2, 1, 1, 2]);
  assert.ok(Math.abs(sumS - 4832.0021) < 1e-9);
});

test("two histograms join by addition", () => {
  const [one, other] = [new Histogram(), new Histogram()];
  one.observe(0.2);
  other.observe(0.2);
  other.observe(7);
  one.add(other.counts);
  assert.deepEqual([one.counts.counts[7], one.counts.counts[12], one.counts.sumS], [2, 1, 7.4]);
  one.clear();
  assert.deepEqual(one.counts, new Histogram().counts);
});

test("what another program sent too much of cannot reach the sum", () => {
  const histogram = new Histogram();
  histogram.add({ counts: [...new Array(16).fill(1), 99, 99], sumS: 1 });
  assert.deepEqual([histogram.counts.counts.length, histogram.counts.sumS], [16, 1]);
});
