import assert from "node:assert/strict";
import { test } from "node:test";
import { Monitor } from "../../src/arbiter/monitor.ts";
import { type ArbiterState, createState, type Worker, type WorkerState } from "../../src/lifecycle/state.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";
import { PLAN } from "../lifecycle/world.ts";

function stage() {
  const state = createState(PLAN, 0);
  state.phase = { at: "serving" };
  state.provenGeneration = 0;
  const monitor = new Monitor(() => ({ state, nurseryPid: process.pid, nowMs: 10_000 }));
  const answers: object[] = [];
  const say = (pid: number, message: unknown) => monitor.takes(pid, message, (answer) => answers.push(answer));
  return { state, monitor, answers, say };
}

function addWorker(state: ArbiterState, number: number, at: WorkerState, linked = true): void {
  state.workers.set(number, {
    number,
    generation: 0,
    pid: number === 1 ? process.pid : undefined,
    forkedMs: 4000,
    state: at,
    linked,
    links: new Set(linked ? [0] : []),
  } as Worker);
}

/** A gateway's message with so many answered requests. */
function counters(requests: number, gauges: object = {}): object {
  const traffic = new Traffic();
  for (let count = 0; count < requests; count++) traffic.answered(200, 1);
  const all = { connections: 1, inFlight: 1, queued: 0, lagS: 0, workerLagsS: [], ...gauges };
  return JSON.parse(JSON.stringify({ ev: "counters", traffic: traffic.take(), gauges: all }));
}

test("counters of several gateways add up, and stay when a gateway is gone; what it held does not", () => {
  const { monitor, say } = stage();
  say(11, counters(3));
  say(12, counters(4, { connections: 7 }));
  say(11, counters(5, { connections: 2 }));
  const { traffic, gateways } = monitor.look();
  assert.equal(traffic.requests[2], 12);
  assert.deepEqual(
    gateways.map(({ pid, connections }) => [pid, connections]),
    [
      [11, 2],
      [12, 7],
    ],
  );
  monitor.gatewayGone(11);
  assert.equal(monitor.look().traffic.requests[2], 12);
  assert.deepEqual(
    monitor.look().gateways.map(({ pid }) => pid),
    [12],
  );
});

test("how long the answers of all gateways took", () => {
  const { monitor, say } = stage();
  say(11, counters(3));
  say(12, counters(4));
  const { bounds_seconds: bounds, counts } = monitor.durations;
  assert.deepEqual([bounds[0], counts[0], counts.length - bounds.length], [0.001, 7, 1]);
});

test("messages for the mind are left to it", () => {
  const { say } = stage();
  for (const message of [{ ev: "up", pid: 3 }, { ev: "drained" }, "text", null]) assert.equal(say(11, message), false);
});

test("a gateway that asks for a page gets it", () => {
  const { say, answers } = stage();
  assert.equal(say(11, { ev: "page", id: 5, name: "livez" }), true);
  assert.deepEqual(answers, [{ cmd: "page", id: 5, page: { status: 200, type: "text/plain; charset=utf-8", body: "ok\n" } }]);
});

test("workers, as they are shown, with memory and lag where these are known", () => {
  const { state, monitor, say } = stage();
  addWorker(state, 1, { at: "ready", sinceMs: 0 });
  addWorker(state, 2, { at: "ready", sinceMs: 0 }, false);
  addWorker(state, 3, { at: "booting" });
  addWorker(state, 4, { at: "stopping", killAtMs: 1 });
  addWorker(state, 5, { at: "killed", againAtMs: 1, booting: false });
  say(11, counters(0, { workerLagsS: [[1, 0.25]] }));
  say(12, counters(0, { workerLagsS: [[1, 0]] }));
  const { workers } = monitor.look();
  assert.deepEqual(
    workers.map((worker) => worker.state),
    ["ready", "booting", "booting", "leaving", "dying"],
  );
  assert.deepEqual([workers[0]?.lagS, workers[1]?.lagS, workers[0]?.ageS], [0.25, undefined, 6]);
  assert.ok((workers[0]?.residentBytes ?? 0) > 2 ** 20);
  assert.equal(workers[1]?.residentBytes, undefined);
});

test("a master that hands over to another is ready for as long as it lives", () => {
  const { state, monitor } = stage();
  addWorker(state, 1, { at: "ready", sinceMs: 0 });
  assert.deepEqual(monitor.look().readiness, { ready: true, reasons: [] });
  state.phase = {
    at: "stopping",
    step: "drain",
    quick: false,
    deadlineMs: 1,
    forced: false,
    ending: { code: 0, reason: undefined, silent: false },
  };
  assert.deepEqual(monitor.look().readiness, { ready: false, reasons: ["stopping"] });
  state.succession.successor = "started";
  assert.deepEqual(monitor.look().readiness, { ready: true, reasons: [] });
});
