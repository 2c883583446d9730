import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExitStatus } from "../../src/lifecycle/messages.ts";
import { countRestart, noRestarts, noteReason, type RestartReason } from "../../src/lifecycle/restarts.ts";
import { createState, type Worker, type WorkerState } from "../../src/lifecycle/state.ts";
import { PLAN } from "./world.ts";

const READY: WorkerState = { at: "ready", sinceMs: 0 };

function workerIn(state: WorkerState, more: Partial<Worker> = {}): Worker {
  return {
    number: 1,
    generation: 0,
    direct: false,
    forkedMs: 0,
    pid: 100,
    bornMs: 0,
    state,
    linked: true,
    channelEnded: false,
    links: new Set(),
    unlinkedSinceMs: new Map(),
    orphan: false,
    doomed: false,
    leaving: undefined,
    signalledDueMs: undefined,
    signalledBy: "",
    ...more,
  };
}

const CASES: readonly (readonly [RestartReason | "surplus", Worker, ExitStatus, boolean?])[] = [
  ["reload", workerIn({ at: "stopping", killAtMs: 1 }, { generation: 7 }), { code: 0 }],
  ["crashed", workerIn(READY), { signal: "SIGSEGV" }],
  ["out-of-memory", workerIn(READY), { signal: "SIGKILL" }, true],
  ["killed", workerIn(READY), { signal: "SIGKILL" }, false],
  ["killed", workerIn(READY), { signal: "SIGKILL" }],
  ["signalled", workerIn(READY), { signal: "SIGUSR1" }],
  ["exited", workerIn(READY), { code: 3 }],
  ["boot", workerIn({ at: "booting" }), { code: 3 }],
  ["boot", workerIn({ at: "killed", againAtMs: 1, booting: true }), { signal: "SIGKILL" }],
  ["nursery", workerIn(READY, { orphan: true, doomed: true }), null],
  // What is known before outweighs what the end looks like.
  ["timeout", workerIn({ at: "aborted", killAtMs: 1, booting: false }, { leaving: "timeout" }), { signal: "SIGABRT" }],
  ["max-requests", workerIn({ at: "stopping", killAtMs: 1 }, { leaving: "max-requests", generation: 7 }), { code: 0 }],
  ["surplus", workerIn({ at: "stopping", killAtMs: 1 }, { leaving: "surplus" }), { code: 0 }],
];

for (const [reason, worker, status, outOfMemory] of CASES) {
  test(`${reason}: ${worker.state.at} and ${JSON.stringify(status)}`, () => {
    const state = createState(PLAN, 0);
    state.phase = { at: "serving" };
    countRestart(state, worker, status, outOfMemory);
    assert.deepEqual(state.restarts, reason === "surplus" ? noRestarts() : { ...noRestarts(), [reason]: 1 });
  });
}

test("the server's own end replaces nobody", () => {
  const state = createState(PLAN, 0);
  state.phase = { at: "exited" };
  countRestart(state, workerIn(READY), { code: 0 });
  assert.deepEqual(state.restarts, noRestarts());
});

test("the first reason stays", () => {
  const worker = workerIn(READY);
  noteReason(worker, "memory");
  noteReason(worker, "timeout");
  assert.equal(worker.leaving, "memory");
});
