import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseWrkOutput } from "../../bench/closed-loop.ts";

const NO_ERRORS = { connect: 0, read: 0, write: 0, status: 0, timeout: 0 };

/** What wrk prints with our script. */
function wrkOutput(changes: object): string {
  const result = { requests: 9000, durationUs: 3_000_000, p50Us: 371, p90Us: 800, p99Us: 2140, errors: NO_ERRORS, ...changes };
  return [
    "Running 3s test @ http://127.0.0.1:8000/",
    "  1 threads and 32 connections",
    "  Thread Stats   Avg      Stdev     Max   +/- Stdev",
    "    Latency   455.71us  530.12us   9.15ms   94.87%",
    "  9000 requests in 3.00s, 1.21MB read",
    "Requests/sec:   3000.00",
    `RESULT ${JSON.stringify(result)}`,
    "",
  ].join("\n");
}

describe("parseWrkOutput", () => {
  test("reads the line of the script", () => {
    assert.deepEqual(parseWrkOutput(wrkOutput({})), { requestsPerSecond: 3000, p50Us: 371, p90Us: 800, p99Us: 2140, failures: [] });
  });

  test("does not count answers that are errors as requests", () => {
    const { requestsPerSecond, failures } = parseWrkOutput(wrkOutput({ errors: { ...NO_ERRORS, status: 3000 } }));
    assert.equal(requestsPerSecond, 2000);
    assert.deepEqual(failures, ["wrk saw 3000 answers with status 400 or more of 9000 requests"]);
  });

  for (const [kind, words] of [
    ["connect", "connect errors"],
    ["read", "read errors"],
    ["write", "write errors"],
    ["timeout", "timeouts"],
  ] as const) {
    test(`says that there were ${words}`, () => {
      const { failures } = parseWrkOutput(wrkOutput({ errors: { ...NO_ERRORS, [kind]: 2 } }));
      assert.deepEqual(failures, [`wrk saw 2 ${words} of 9000 requests`]);
    });
  }

  test("says that there was no answer", () => {
    assert.deepEqual(parseWrkOutput(wrkOutput({ requests: 0 })).failures, ["wrk got no answer at all"]);
  });

  const REFUSED = [
    { name: "output without a result", output: "unable to connect to 127.0.0.1:1 Connection refused\n", message: /unable to connect/ },
    { name: "no output", output: "", message: /printed: nothing/ },
    { name: "a result without a number", output: wrkOutput({ p90Us: undefined }), message: /no number called p90Us/ },
    { name: "a result without errors", output: wrkOutput({ errors: undefined }), message: /no number called connect/ },
  ];
  for (const { name, output, message } of REFUSED) test(`refuses ${name}`, () => assert.throws(() => parseWrkOutput(output), message));
});
