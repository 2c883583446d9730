import assert from "node:assert/strict";
import { test } from "node:test";
import { createState, describeRequest, isCurrent, isReady, isStaying, type Worker, type WorkerState } from "../../src/lifecycle/state.ts";
import { PLAN } from "./world.ts";

function workerIn(state: WorkerState, more: Partial<Worker> = {}): Worker {
  const { linked = true, orphan = false, doomed = false, generation = 0 } = more;
  return {
    number: 1,
    generation,
    direct: false,
    forkedMs: 0,
    pid: 7,
    bornMs: 0,
    state,
    linked,
    links: new Set(linked ? [0] : []),
    channelEnded: false,
    unlinkedSinceMs: new Map(),
    orphan,
    doomed,
    leaving: undefined,
    signalledDueMs: undefined,
    signalledBy: "",
  };
}

const STATES: readonly (readonly [WorkerState, staying: boolean, ready: boolean])[] = [
  [{ at: "booting" }, true, false],
  [{ at: "ready", sinceMs: 0 }, true, true],
  [{ at: "lost", readySinceMs: 0, killAtMs: 1 }, true, false],
  [{ at: "stopping", killAtMs: 1 }, false, false],
  [{ at: "aborted", killAtMs: 1, booting: false }, false, false],
  [{ at: "killed", againAtMs: 1, booting: false }, false, false],
];
for (const [state, staying, ready] of STATES) {
  test(`a worker that is ${state.at}: staying ${staying}, ready ${ready}`, () => {
    assert.equal(isStaying(workerIn(state)), staying);
    assert.equal(isReady(workerIn(state)), ready);
    assert.equal(isReady(workerIn(state, { linked: false })), false);
  });
}

test("a worker is current when its generation is wanted, its nursery lives and nothing is against it", () => {
  const arbiter = createState(PLAN, 0);
  assert.equal(isCurrent(arbiter, workerIn({ at: "booting" })), true);
  for (const against of [{ orphan: true }, { doomed: true }, { generation: 1 }]) {
    assert.equal(isCurrent(arbiter, workerIn({ at: "booting" }, against)), false, JSON.stringify(against));
  }
});

test("a request in the log", () => {
  assert.equal(describeRequest({ method: "GET", target: "/slow?8", id: 7, ageMs: 30_120 }), "method=GET target=/slow?8 id=7 age_s=30.1");
});
