import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseH2loadOutput } from "../../bench/http2-load.ts";

/** What h2load 1.52 prints. */
function output({ protocol = "h2", failed = 0, good = 22255 } = {}): string {
  return [
    "TLS Protocol: TLSv1.3",
    `Application protocol: ${protocol}`,
    "Main benchmark duration is over for thread #0. Stopping all clients.",
    "",
    "finished in 4.01s, 7418.33 req/s, 290.25KB/s",
    `requests: 22255 total, 22255 started, 22255 done, ${22255 - failed} succeeded, ${failed} failed, 0 errored, 0 timeout`,
    `status codes: ${good} 2xx, 0 3xx, ${22255 - good} 4xx, 0 5xx`,
    "",
  ].join("\n");
}

describe("parseH2loadOutput", () => {
  test("reads its counts", () => {
    assert.deepEqual(parseH2loadOutput(output(), 5), { requestsPerSecond: 4451, failures: [] });
  });

  for (const { name, changes, expected } of [
    { name: "failed requests", changes: { failed: 5 }, expected: "h2load saw 5 failed and 0 broken of 22255 requests" },
    { name: "another protocol", changes: { protocol: "http/1.1" }, expected: "the server chose http/1.1" },
    { name: "no good answer", changes: { good: 0 }, expected: "h2load got no answer at all" },
  ]) {
    test(`says that there were: ${name}`, () => assert.deepEqual(parseH2loadOutput(output(changes), 5).failures, [expected]));
  }

  test("an end without a result is an error", () => {
    assert.throws(() => parseH2loadOutput("starting benchmark...", 5), /ended without a result, it printed: starting benchmark\.\.\./);
  });
});
