import assert from "node:assert/strict";
import { test } from "node:test";
import { showConnections, showExits, showQueue, showRequests, showTop, showWorker } from "../../src/control/our-answers.ts";
import { GATEWAY_PID, pictureOf, READY, workerOf } from "./pictures.ts";

test("show top has everything that the others have", () => {
  const picture = pictureOf();
  const top = showTop(picture, ["http://127.0.0.1:8000"]);
  assert.deepEqual(top.server, {
    pid: 99,
    version: "0.1.0",
    name: "shop:app",
    uptime: 10,
    state: "serving",
    worker_class: "sync",
    listening: ["http://127.0.0.1:8000"],
  });
  assert.deepEqual([top.workers.length, top.requests.length, top.more_requests], [3, 2, 3]);
  assert.deepEqual([top.queue, top.connections], [showQueue(picture), showConnections(picture)]);
  assert.deepEqual(top.counters, { requests: 17, workers_spawned: 0, workers_killed: 0, reloads: 0 });
});

test("how long answers took, where somebody counts", () => {
  const durations = { bounds_seconds: [1], counts: [3, 0] };
  assert.deepEqual([showTop(pictureOf({ durations }), []).durations, showTop(pictureOf(), []).durations], [durations, null]);
});

test("without a gateway, and with one that is silent, there is an answer", () => {
  const direct = showTop(pictureOf({}, "none"), []);
  assert.deepEqual(
    [direct.requests, direct.queue, direct.connections.open],
    [[], { length: 0, oldest_seconds: null, silent_gateways: [] }, 0],
  );
  assert.deepEqual(showRequests(pictureOf({}, "silent")), { requests: [], more: 0, silent_gateways: [GATEWAY_PID] });
});

test("the progress of a reload", () => {
  const picture = pictureOf();
  const { state } = picture;
  state.target = 3;
  const progress = () => showTop(picture, []).reload;
  assert.deepEqual(progress(), { state: "none", generation: 0, ready: 2, target: 3, withdrawn: null });
  state.reload = { at: "reading", reading: 1, sinceMs: 0, again: false };
  assert.equal(progress().state, "reading");
  state.reload = { at: "none" };
  state.reloading = true;
  state.generation = 1;
  state.workers.set(5, workerOf(5, READY, { generation: 1 }));
  assert.deepEqual(progress(), { state: "replacing", generation: 1, ready: 1, target: 3, withdrawn: null });
  state.reloading = false;
  state.withdrawn = "why";
  assert.equal(progress().withdrawn, "why");
});

test("the first of the queue is its oldest; connections", () => {
  assert.deepEqual(showQueue(pictureOf()), { length: 4, oldest_seconds: 1.23, silent_gateways: [] });
  assert.deepEqual(showConnections(pictureOf()), { open: 6, accepted: 9, silent_gateways: [] });
});

test("one worker with its requests; a pid that is none of them", () => {
  const shown = showWorker(pictureOf(), 101) as { requests_in_flight: { id: number }[]; pid: number };
  assert.deepEqual([shown.pid, shown.requests_in_flight.map(({ id }) => id)], [101, [7]]);
  assert.equal(showWorker(pictureOf(), 5), undefined);
});

test("exits: all that are kept, and a few of them in show top", () => {
  const picture = pictureOf();
  for (let number = 0; number < 9; number += 1) {
    picture.chronicle.exits.push({
      worker: number,
      pid: number,
      generation: 0,
      atMs: 4000,
      reason: "reload",
      status: "code=0",
      detail: undefined,
    });
  }
  const { exits, count } = showExits(picture) as { exits: unknown[]; count: number };
  assert.deepEqual(exits[1], { pid: 1, age: 1, generation: 0, seconds_ago: 6, reason: "reload", status: "code=0", detail: null });
  assert.deepEqual([count, showTop(picture, []).exits.length], [9, 5]);
});
