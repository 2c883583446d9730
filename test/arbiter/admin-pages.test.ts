import assert from "node:assert/strict";
import { test } from "node:test";
import { adminPage } from "../../src/arbiter/admin-pages.ts";
import type { Sight } from "../../src/arbiter/sight.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";

function sight(more: Partial<Sight> = {}): Sight {
  const traffic = new Traffic();
  traffic.answered(204, 20);
  traffic.answered(502, 20);
  return {
    version: "1.2.3",
    startedS: Date.now() / 1000 - 60,
    readiness: { ready: true, reasons: [] },
    phase: "serving",
    generation: 2,
    reloading: false,
    workersWanted: 2,
    workers: [
      { worker: 3, pid: 33, generation: 2, state: "ready", ageS: 1.25, residentBytes: 1024, lagS: 0.5 },
      { worker: 4, pid: undefined, generation: 2, state: "booting", ageS: 0, residentBytes: undefined, lagS: undefined },
    ],
    gateways: [
      { pid: 11, connections: 5, inFlight: 4, queued: 3, lagS: 0.1 },
      { pid: 12, connections: 50, inFlight: 40, queued: 30, lagS: 0 },
    ],
    processes: [{ role: "gateway", pid: 11, residentBytes: 4096 }],
    traffic: traffic.counts,
    restarts: { reload: 2, crashed: 0 },
    gatewayRestarts: 1,
    nurseryRestarts: 0,
    ...more,
  };
}

test("no other pages", () => {
  for (const name of ["", "livez/", "toString", "__proto__", "metrics2"]) assert.equal(adminPage(name, assert.fail), undefined);
});

test("livez needs to know nothing", () => assert.equal(adminPage("livez", assert.fail)?.status, 200));

test("readyz says why not", () => {
  assert.deepEqual(adminPage("readyz", () => sight())?.body, "ok\n");
  const page = adminPage("readyz", () => sight({ readiness: { ready: false, reasons: ["stopping", "tired"] } }));
  assert.deepEqual([page?.status, page?.body], [503, "not ready\nstopping\ntired\n"]);
});

test("metrics: gateways are summed, what is unknown has no sample", () => {
  const lines = adminPage("metrics", () => sight())?.body.split("\n") ?? [];
  const samples = lines.filter((line) => !line.startsWith("#"));
  for (const line of [
    'tunicorn_requests_total{code="2xx"} 1',
    'tunicorn_requests_total{code="5xx"} 1',
    "tunicorn_request_duration_seconds_count 2",
    "tunicorn_requests_in_flight 44",
    "tunicorn_queue_depth 33",
    "tunicorn_connections 55",
    "tunicorn_ready 1",
    'tunicorn_workers{state="ready"} 1',
    'tunicorn_workers{state="booting"} 1',
    'tunicorn_workers{state="dying"} 0',
    'tunicorn_worker_restarts_total{reason="reload"} 2',
    "tunicorn_gateway_restarts_total 1",
    'tunicorn_process_resident_memory_bytes{process="gateway",id="11"} 4096',
    'tunicorn_process_resident_memory_bytes{process="worker",id="3"} 1024',
    'tunicorn_event_loop_lag_seconds{process="gateway",id="11"} 0.1',
    'tunicorn_event_loop_lag_seconds{process="worker",id="3"} 0.5',
    `tunicorn_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
  ]) {
    assert.ok(samples.includes(line), line);
  }
  assert.ok(!samples.some((line) => line.includes('id="4"')));
  assert.equal(new Set(samples.map((line) => line.split(" ")[0])).size, samples.length);
});

test("status is JSON", () => {
  const page = adminPage("status", () => sight());
  assert.equal(page?.type, "application/json");
  const { workers, gateways, requests, uptime_s, ready } = JSON.parse(page?.body ?? "");
  assert.deepEqual(workers, [
    { worker: 3, pid: 33, generation: 2, state: "ready", age_s: 1.3, resident_bytes: 1024, lag_s: 0.5 },
    { worker: 4, pid: null, generation: 2, state: "booting", age_s: 0, resident_bytes: null },
  ]);
  assert.deepEqual(gateways[0], { pid: 11, connections: 5, in_flight: 4, queued: 3, lag_s: 0.1 });
  assert.deepEqual([requests, uptime_s, ready], [{ "1xx": 0, "2xx": 1, "3xx": 0, "4xx": 0, "5xx": 1 }, 60, true]);
});
