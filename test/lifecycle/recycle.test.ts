import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

test("a worker that has had its requests stays until another is ready", () => {
  const world = settled({ workers: 1 });
  world.said({ ev: "worn", worker: 1, requests: 10 });
  assert.equal(world.state.workers.get(1)?.state.at, "ready");
  assert.equal(world.state.workers.get(2)?.state.at, "booting");
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2]);
  assert.ok(world.lines.some((line) => /^debug: worker has done its time, replacing it worker=1 pid=\d+ requests=10$/.test(line)));
});

test("four that have had their requests at once are replaced one by one: never more than one beyond the target, never fewer ready", () => {
  const world = settled({ workers: 4 });
  for (const worker of [1, 2, 3, 4]) world.said({ ev: "worn", worker, requests: 10 });
  let fewestReady = 4;
  let most = 4;
  world.run(() => {
    const all = [...world.state.workers.values()];
    fewestReady = Math.min(fewestReady, all.filter(({ state, linked }) => state.at === "ready" && linked).length);
    most = Math.max(most, all.filter(({ state }) => state.at === "ready" || state.at === "booting").length);
    return world.isSettled();
  });
  assert.deepEqual([fewestReady, most], [4, 5]);
  assert.deepEqual([...world.state.workers.keys()], [5, 6, 7, 8]);
});

test("a worker that has done its time serves on while nothing new can boot", () => {
  const world = settled({ workers: 1 });
  world.bootResult = { code: 3 };
  world.said({ ev: "worn", worker: 1, requests: 10 });
  world.run(() => world.state.workerBackOff.failures === 4);
  assert.equal(world.state.workers.get(1)?.state.at, "ready");
  world.bootResult = "ok";
  world.run(() => world.isSettled());
  assert.equal(world.state.workers.has(1), false);
});

test("max_worker_age: replaced when it is reached, again and again", () => {
  const world = settled({ workers: 1, maxAgeMs: 60_000 });
  world.run(() => world.state.lastWorker === 3 && world.isSettled());
  assert.equal(world.nowMs, 120_000);
  assert.equal(world.lines.filter((line) => /^info: worker has done its time, .* age_s=60\.0$/.test(line)).length, 2);
});

test("max_worker_age_jitter: workers of one moment reach their age far from each other, all within the jitter", () => {
  const world = settled({ workers: 8, maxAgeMs: 100_000, maxAgeJitterMs: 80_000 });
  const momentsMs: number[] = [];
  for (let seen = 0; seen < 8; ) {
    world.sleep();
    const count = world.lines.filter((line) => line.includes("has done its time")).length;
    if (count > seen) momentsMs.push(world.nowMs);
    seen = count;
    world.run(() => world.isSettled());
  }
  assert.equal(momentsMs.length, 8, "never two at once");
  assert.ok(
    momentsMs.every((ms) => ms >= 100_000 && ms < 180_000),
    `${momentsMs}`,
  );
  const gapsMs = momentsMs.slice(1).map((ms, index) => ms - momentsMs[index]!);
  assert.ok(Math.min(...gapsMs) > 80_000 / 8 / 3, `${gapsMs}`);
});

test("memory: over the soft limit it is replaced, over the hard one killed at once, with figures", () => {
  const world = settled({ workers: 1 });
  world.said({ ev: "memory", worker: 1, bytes: 300 * 1024 ** 2, limitBytes: 256 * 1024 ** 2, hard: false });
  assert.equal(world.state.workers.get(1)?.state.at, "ready");
  world.run(() => world.isSettled());
  assert.deepEqual([...world.workers.keys()], [2]);
  assert.ok(world.lines.some((line) => /^info: worker has done its time, .*memory_mib=300\.0 limit_mib=256\.0$/.test(line)));
  world.said({ ev: "memory", worker: 2, bytes: 600 * 1024 ** 2, limitBytes: 512 * 1024 ** 2, hard: true });
  assert.equal(world.state.workers.get(2)?.state.at, "killed");
  world.run(() => world.isSettled());
  const words = /^critical: worker over its hard memory limit, killing it worker=2 pid=\d+ memory_mib=600\.0 limit_mib=512\.0$/;
  assert.ok(world.lines.some((line) => words.test(line)));
  assert.ok(!world.lines.some((line) => line.includes("cause=")), "the reason of its end has been told");
});

test("whatever is said of a worker that is not there, or when the server stops, nothing is replaced", () => {
  const world = settled({ workers: 1, maxAgeMs: 1000 });
  world.said({ ev: "worn", worker: 9, requests: 1 });
  world.said({ ev: "memory", worker: 9, bytes: 2, limitBytes: 1, hard: true });
  world.workers.get(1)!.busy = true;
  world.signal("term");
  world.said({ ev: "worn", worker: 1, requests: 10 });
  world.nowMs += 5000;
  world.feed({ type: "tick" });
  assert.equal(world.state.lastWorker, 1);
});

test("workers whose requests last are not replaced without end: at most as many finish as there should be", () => {
  const world = settled({ workers: 2 });
  let most = 0;
  for (let round = 0; round < 20; round += 1) {
    for (const worker of world.workers.values()) worker.busy = true;
    for (const worker of world.workers.keys()) world.said({ ev: "worn", worker, requests: 1 });
    while (world.nurseryWorks() || world.workersWork());
    most = Math.max(most, world.state.workers.size);
  }
  assert.equal(most, 4);
  for (const worker of world.workers.values()) worker.busy = false;
  world.run(() => world.isSettled());
  assert.ok([...world.state.workers.values()].every(({ doomed }) => !doomed));
});

test("each reason for a replacement is counted once", () => {
  const world = settled({ workers: 2, maxAgeMs: 600_000 });
  const reasons = (): object => Object.fromEntries(Object.entries(world.state.restarts).filter(([, count]) => count > 0));
  world.said({ ev: "worn", worker: 1, requests: 10 });
  world.run(() => world.isSettled());
  assert.deepEqual(reasons(), { "max-requests": 1 });
  world.said({ ev: "memory", worker: 2, bytes: 9, limitBytes: 8, hard: false });
  world.run(() => world.isSettled());
  assert.deepEqual(reasons(), { "max-requests": 1, memory: 1 });
  world.signal("hup");
  world.run(() => world.isSettled() && world.state.generation === 1);
  assert.deepEqual(reasons(), { "max-requests": 1, memory: 1, reload: 2 });
  world.signal("ttou");
  world.run(() => world.state.workers.size === 1);
  assert.deepEqual(reasons(), { "max-requests": 1, memory: 1, reload: 2 });
});
