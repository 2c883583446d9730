import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareRounds, median, percentile } from "../../bench/statistics.ts";

const values = fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 50 });

describe("median", () => {
  const TABLE = [
    { of: [7], is: 7 },
    { of: [3, 1, 2], is: 2 },
    { of: [4, 1, 3, 2], is: 2.5 },
    { of: [100, 9, 20], is: 20 },
  ];
  for (const { of, is } of TABLE) test(`of ${of} is ${is}`, () => assert.equal(median(of), is));
  test("of nothing is refused", () => assert.throws(() => median([]), RangeError));

  test("has no more than half of the values on either side", () => {
    fc.assert(
      fc.property(values, (some) => {
        const middle = median(some);
        assert.ok(some.filter((value) => value < middle).length * 2 <= some.length);
        assert.ok(some.filter((value) => value > middle).length * 2 <= some.length);
      }),
    );
  });

  test("leaves its argument as it was", () => {
    const some = [3, 1, 2];
    median(some);
    assert.deepEqual(some, [3, 1, 2]);
  });
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  const TABLE = [
    { share: 0, is: 1 },
    { share: 0.5, is: 50 },
    { share: 0.9, is: 90 },
    { share: 0.99, is: 99 },
    { share: 1, is: 100 },
  ];
  for (const { share, is } of TABLE) test(`${share} of 1 to 100 is ${is}`, () => assert.equal(percentile(hundred, share), is));
  test("of nothing is refused", () => assert.throws(() => percentile([], 0.5), RangeError));

  test("is the smallest measured value that the share does not exceed", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (some, percent) => {
        const found = percentile(some, percent / 100);
        assert.ok(some.includes(found));
        const below = some.filter((value) => value < found).length;
        const upTo = some.filter((value) => value <= found).length;
        assert.ok(upTo >= (percent / 100) * some.length - 1e-9);
        assert.ok(below < (percent / 100) * some.length + 1e-9);
      }),
    );
  });
});

describe("compareRounds", () => {
  test("divides the medians and gives the extremes of the rounds", () => {
    assert.deepEqual(compareRounds([10, 30, 20], [10, 10, 40]), { ofMedians: 2, spread: [0.5, 3] });
  });

  test("leaves a failed round out of the spread, not out of the other's median", () => {
    assert.deepEqual(compareRounds([10, undefined, 20], [10, 40, 10]), { ofMedians: 1.5, spread: [1, 2] });
  });

  test("has no spread when no round has both", () => {
    assert.deepEqual(compareRounds([10, undefined], [undefined, 5]), { ofMedians: 2, spread: undefined });
  });

  test("has no ratio when one has no value", () => {
    assert.equal(compareRounds([undefined], [5]), undefined);
    assert.equal(compareRounds([5], []), undefined);
  });
});
