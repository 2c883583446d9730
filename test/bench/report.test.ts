import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MetricValues, Sample } from "../../bench/metrics.ts";
import { compareServers, formatFailures, formatTable, summarizeTargets } from "../../bench/report.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";

const scenarios = SCENARIOS.filter(({ id }) => id === "hello-w2-c32-h2" || id === "mixed-sleep");

function sample(scenario: string, server: string, round: number, values: MetricValues, failures: string[] = []): Sample {
  return { scenario, server, round, values, failures };
}

const HELLO: readonly Sample[] = [
  sample("hello-w2-c32-h2", "granian", 0, { "requests/s": 60_000, "p50 us": 400 }),
  sample("hello-w2-c32-h2", "tunicorn", 0, { "requests/s": 66_000, "p50 us": 380 }),
  sample("hello-w2-c32-h2", "waitress", 0, {}, ["cannot be started: x\nTraceback"]),
  sample("hello-w2-c32-h2", "granian", 1, { "requests/s": 70_000 }, ["wrk saw 1 read errors of 9 requests"]),
  sample("hello-w2-c32-h2", "tunicorn", 1, { "requests/s": 56_000 }),
  sample("hello-w2-c32-h2", "waitress", 1, {}, ["cannot be started: x\nTraceback"]),
];

const MIXED: readonly Sample[] = [
  sample("mixed-sleep", "tunicorn", 0, { "requests/s": 2000 }),
  sample("mixed-sleep", "granian", 0, { "requests/s": 1600 }),
  sample("mixed-sleep", "tunicorn", 0, { "p50 us": 300, "p90 us": 500, "p99 us": 2000 }),
  sample("mixed-sleep", "granian", 0, { "p50 us": 300, "p90 us": 1000, "p99 us": 200_000 }),
];

function rowsOf(samples: readonly Sample[], baseline = "tunicorn") {
  return compareServers({ scenarios, samples, baseline, nodeMajor: 20 });
}

describe("compareServers", () => {
  test("has the baseline first, then the ratios of the others and what they mean for the targets", () => {
    assert.deepEqual(
      rowsOf(HELLO).map(({ server, median, ratio, target, failedRounds }) => ({ server, median, ratio, target, failedRounds })),
      [
        { server: "tunicorn", median: 61_000, ratio: undefined, target: undefined, failedRounds: 0 },
        {
          server: "granian",
          median: 65_000,
          ratio: { ofMedians: 61 / 65, spread: [0.8, 1.1] },
          target: { limit: 0.95, met: false },
          failedRounds: 1,
        },
        { server: "waitress", median: undefined, ratio: undefined, target: undefined, failedRounds: 2 },
      ],
    );
  });

  test("keeps a target that could not be measured", () => {
    const samples = HELLO.map((one) => (one.server === "tunicorn" ? { ...one, values: {}, failures: ["ended"] } : one));
    assert.deepEqual(
      rowsOf(samples).flatMap(({ target }) => target ?? []),
      [{ limit: 0.95, met: undefined }],
    );
  });

  test("has no targets without tunicorn", () => {
    assert.deepEqual(
      rowsOf(HELLO, "granian").flatMap(({ target }) => target ?? []),
      [],
    );
  });

  test("does not lose a value to a failure in the same round", () => {
    const failed = sample("hello-w2-c32-h2", "tunicorn", 0, {}, ["wrk saw 2 timeouts of 9 requests"]);
    assert.equal(rowsOf([failed, ...HELLO])[0]?.median, 61_000);
  });
});

test("formatTable", () => {
  assert.equal(
    formatTable(rowsOf([...HELLO, ...MIXED])),
    `\
scenario         metric      server     median  ratio    min-max  must reach      failed
hello-w2-c32-h2  requests/s  tunicorn   61,000
                             granian    65,000   0.94  0.80-1.10  >= 0.95 MISSED  ! in 1 of the rounds
                             waitress   failed                                    ! in 2 of the rounds
mixed-sleep      requests/s  tunicorn    2,000
                             granian     1,600   1.25  1.25-1.25
                 p50 us      tunicorn      300
                             granian       300   1.00  1.00-1.00
                 p90 us      tunicorn      500
                             granian     1,000   0.50  0.50-0.50  <= 1.00 met
                 p99 us      tunicorn    2,000
                             granian   200,000   0.01  0.01-0.01  <= 1.00 met
`,
  );
});

test("formatFailures says each failure once, with its rounds", () => {
  assert.equal(
    formatFailures(HELLO),
    `\
hello-w2-c32-h2 waitress: cannot be started: x
    Traceback [round 1, 2]
hello-w2-c32-h2 granian: wrk saw 1 read errors of 9 requests [round 2]
`,
  );
  assert.equal(formatFailures(MIXED), "");
});

test("summarizeTargets counts", () => {
  assert.equal(summarizeTargets(rowsOf([...HELLO, ...MIXED])), "2 of 3 targets met");
  assert.equal(summarizeTargets(rowsOf(HELLO, "granian")), undefined);
});
