import assert from "node:assert/strict";
import { test } from "node:test";
import { shownRequests, shownWorkers, workerByPid } from "../../src/control/picture.ts";
import { pictureOf, workerOf } from "./pictures.ts";

test("workers that are born, with what gateway and kernel say of them", () => {
  const [busy, leaving, booting, ...none] = shownWorkers(pictureOf());
  assert.deepEqual(busy, {
    pid: 101,
    age: 1,
    booted: true,
    aborted: false,
    last_heartbeat: 4.3,
    generation: 0,
    state: "ready",
    requests: 10,
    in_flight: 1,
    rss_bytes: 3_000_000,
    pss_bytes: 1_000_000,
  });
  assert.deepEqual([leaving?.state, leaving?.last_heartbeat, leaving?.rss_bytes], ["being replaced", 0, null]);
  assert.deepEqual([booting?.booted, booting?.state, booting?.last_heartbeat, booting?.requests], [false, "booting", 9, null]);
  assert.deepEqual(none, []);
});

test("nobody knows how silent a worker is whose gateway says nothing", () => {
  for (const report of ["silent", "none"] as const) {
    const [busy] = shownWorkers(pictureOf({}, report));
    assert.deepEqual([busy?.last_heartbeat, busy?.requests, busy?.in_flight], [null, null, null]);
  }
});

test("an aborted worker is one, also when it was aborted while it booted", () => {
  const picture = pictureOf();
  picture.state.workers.set(1, workerOf(1, { at: "aborted", killAtMs: 1, booting: true }));
  const [aborted] = shownWorkers(picture);
  assert.deepEqual([aborted?.aborted, aborted?.booted], [true, false]);
});

test("requests have the pid of the worker that runs them", () => {
  const picture = pictureOf();
  const requests = picture.report?.requests.map((request) => (request.id === 7 ? { ...request, requestId: "a-1" } : request)) ?? [];
  const named = { ...picture, report: picture.report && { ...picture.report, requests } };
  assert.deepEqual(shownRequests(named), [
    { method: "GET", path: "/slow", id: 7, request_id: "a-1", seconds: 4.32, state: "running", pid: 101 },
    { method: "POST", path: "/next", id: 0, request_id: null, seconds: 1.23, state: "queued", pid: null },
  ]);
  assert.deepEqual(shownRequests(pictureOf({}, "none")), []);
});

test("a worker is found by its pid", () => {
  const { state } = pictureOf();
  assert.equal(workerByPid(state, 102)?.number, 2);
  assert.equal(workerByPid(state, 1), undefined);
});
