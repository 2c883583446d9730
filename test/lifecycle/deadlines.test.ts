import assert from "node:assert/strict";
import { test } from "node:test";
import { nextWakeMs } from "../../src/lifecycle/deadlines.ts";
import { World } from "./world.ts";

function settled(): World {
  const world = new World({ workers: 1, timeoutMs: 7000, gracefulTimeoutMs: 9000 });
  world.run(() => world.isSettled());
  return world;
}

test("a server at rest needs no wake-up", () => {
  const world = settled();
  assert.equal(nextWakeMs(world.state, world.nowMs), undefined);
});

const SITUATIONS: readonly { name: string; wakeMs: number; bring: (world: World) => void }[] = [
  { name: "a worker boots", wakeMs: 70_000, bring: (world) => world.signal("hup") && world.handsWork() && world.nurseryWorks() },
  { name: "a worker was signalled", wakeMs: 100, bring: (world) => world.said({ ev: "signalled", worker: 1, signal: "TERM" }) },
  {
    name: "a worker was lost",
    wakeMs: 1000,
    bring: (world) =>
      world.feed({ type: "gateway-said", gateway: 0, said: { ev: "worker-lost", worker: 1, pid: 7, requests: [], more: 0 } }),
  },
  {
    name: "a worker was aborted",
    wakeMs: 1000,
    bring: (world) => world.feed({ type: "gateway-said", gateway: 0, said: { ev: "overdue", worker: 1, silentMs: 1 } }),
  },
  {
    name: "a worker leaves",
    wakeMs: 9000,
    bring: (world) => world.feed({ type: "gateway-said", gateway: 0, said: { ev: "worker-leaving", worker: 1 } }),
  },
  { name: "the server stops", wakeMs: 9000, bring: (world) => world.signal("term") },
  { name: "a worker died young", wakeMs: 100, bring: (world) => world.workerDies(1, { code: 1 }) },
];
for (const { name, wakeMs, bring } of SITUATIONS) {
  test(`${name}: wake-up after ${wakeMs} ms`, () => {
    const world = settled();
    bring(world);
    assert.equal(nextWakeMs(world.state, world.nowMs), wakeMs);
  });
}

test("what is past is not asked for again", () => {
  const world = settled();
  world.signal("term");
  assert.equal(nextWakeMs(world.state, 9000), undefined);
});
