import assert from "node:assert/strict";
import { test } from "node:test";
import { type GatewayReport, joinReports, type ReportedRequest } from "../../src/control/gateway-report.ts";

function request(id: number, ageMs: number): ReportedRequest {
  return { method: "GET", target: `/${id}`, id, ageMs, state: "running", worker: 1 };
}

function report(more: Partial<GatewayReport>): GatewayReport {
  return { requests: [], more: 0, queued: 0, answered: 0, connections: 0, accepted: 0, workers: [], ...more };
}

test("the reports of several gateways are one: the oldest request first, numbers added up", () => {
  const joined = joinReports([
    [
      7,
      report({
        requests: [request(1, 50), request(2, 10)],
        more: 3,
        queued: 2,
        answered: 10,
        connections: 4,
        accepted: 9,
        workers: [{ worker: 1, requests: 6, inFlight: 2, silentMs: 5 }],
      }),
    ],
    [
      8,
      report({
        requests: [request(3, 20)],
        connections: 1,
        workers: [
          { worker: 1, requests: 1, inFlight: 1, silentMs: 90 },
          { worker: 2, requests: 0, inFlight: 0, silentMs: 0 },
        ],
      }),
    ],
    [9, undefined],
  ]);
  assert.deepEqual(
    joined.requests.map(({ id }) => id),
    [1, 3, 2],
  );
  const { requests: _, workers, ...numbers } = joined;
  assert.deepEqual(numbers, { more: 3, queued: 2, answered: 10, connections: 5, accepted: 9, heard: [7, 8], silent: [9] });
  assert.deepEqual(workers, [
    { worker: 1, requests: 7, inFlight: 3, silentMs: 90 },
    { worker: 2, requests: 0, inFlight: 0, silentMs: 0 },
  ]);
});

test("the list is bounded, and what is not in it is counted", () => {
  const many = Array.from({ length: 150 }, (_, index) => request(index, index));
  const joined = joinReports([
    [1, report({ requests: many, more: 5 })],
    [2, report({ requests: many })],
  ]);
  assert.deepEqual([joined.requests.length, joined.more], [200, 105]);
  assert.equal(joined.requests[0]?.ageMs, 149);
});
