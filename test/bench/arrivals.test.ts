import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { scheduleArrivals } from "../../bench/arrivals.ts";

const LOAD = { ratePerSecond: 500, seconds: 20, slowEvery: 100, seed: 1 };

const loads = fc.record({
  ratePerSecond: fc.integer({ min: 1, max: 2000 }),
  seconds: fc.integer({ min: 1, max: 5 }),
  slowEvery: fc.integer({ min: 1, max: 200 }),
  seed: fc.integer(),
});

describe("scheduleArrivals", () => {
  test("is in order and within the time", () => {
    fc.assert(
      fc.property(loads, (load) => {
        let lastMs = 0;
        for (const { atMs } of scheduleArrivals(load)) {
          assert.ok(atMs >= lastMs && atMs < load.seconds * 1000);
          lastMs = atMs;
        }
      }),
    );
  });

  test("has one slow request in each block, the last block perhaps none", () => {
    fc.assert(
      fc.property(loads, (load) => {
        const arrivals = scheduleArrivals(load);
        for (let start = 0; start + load.slowEvery <= arrivals.length; start += load.slowEvery) {
          assert.equal(arrivals.slice(start, start + load.slowEvery).filter((arrival) => arrival.slow).length, 1);
        }
      }),
    );
  });

  test("is the same for the same seed and another for another", () => {
    assert.deepEqual(scheduleArrivals(LOAD), scheduleArrivals(LOAD));
    assert.notDeepEqual(scheduleArrivals(LOAD), scheduleArrivals({ ...LOAD, seed: 2 }));
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    test(`has the rate and the gaps of a Poisson process, seed ${seed}`, () => {
      const arrivals = scheduleArrivals({ ...LOAD, seed });
      // 10,000 are expected with a deviation of 100; the share of gaps above the mean is 1/e.
      assert.ok(Math.abs(arrivals.length - 10_000) < 500, `${arrivals.length} arrivals`);
      const meanMs = 1000 / LOAD.ratePerSecond;
      const long = arrivals.filter((arrival, index) => arrival.atMs - (arrivals[index - 1]?.atMs ?? 0) > meanMs).length;
      assert.ok(Math.abs(long / arrivals.length - 1 / Math.E) < 0.03, `${long} gaps above the mean`);
    });
  }

  test("places the slow ones anywhere in their block", () => {
    const places = scheduleArrivals({ ...LOAD, slowEvery: 10 }).flatMap(({ slow }, index) => (slow ? [index % 10] : []));
    assert.deepEqual([...new Set(places)].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
