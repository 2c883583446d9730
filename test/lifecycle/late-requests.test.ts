import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestInfo } from "../../src/lifecycle/messages.ts";
import { World } from "./world.ts";

const REQUEST: RequestInfo = { method: "GET", target: "/slow", id: 7, ageMs: 3100 };

function settled(): World {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  return world;
}

/** What the nursery was told about worker 1 since its fork. */
function told(world: World): string[] {
  return world.commands.flatMap((command) =>
    command.do === "tell-nursery" && "worker" in command.message && command.message.worker === 1 ? [command.message.cmd] : [],
  );
}

test("at the soft limit the worker is interrupted, again and again; the log has it once", () => {
  const world = settled();
  for (const first of [true, false, false])
    world.feed({ type: "gateway-said", gateway: 0, said: { ev: "late", worker: 1, limit: "soft", first, request: REQUEST } });
  const pid = world.workers.get(1)?.pid;
  assert.deepEqual(
    world.lines.filter((line) => line.includes("time limit")),
    [`error: request over its time limit, interrupting it worker=1 pid=${pid} method=GET target=/slow id=7 age_s=3.1`],
  );
  assert.deepEqual(told(world), ["fork", "interrupt", "interrupt", "interrupt"]);
  assert.ok(world.isSettled());
});

test("a slow request is shown, each time that it is told of; its worker is left alone", () => {
  const world = settled();
  for (const first of [true, false])
    world.feed({ type: "gateway-said", gateway: 0, said: { ev: "late", worker: 1, limit: "slow", first, request: REQUEST } });
  const shown = {
    do: "log-stacks",
    worker: 1,
    request: 7,
    text: `slow request worker=1 pid=${world.workers.get(1)?.pid} method=GET target=/slow id=7 age_s=3.1`,
  };
  assert.deepEqual(
    world.commands.filter((command) => command.do === "log-stacks"),
    [shown, shown],
  );
  assert.deepEqual(told(world), ["fork"]);
});

test("at the hard limit the worker shows its stacks and is killed a second later; another one comes", () => {
  const world = settled();
  const pid = world.workers.get(1)?.pid;
  world.workers.get(1)!.busy = true;
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "late", worker: 1, limit: "hard", first: true, request: REQUEST } });
  assert.deepEqual(
    world.lines.filter((line) => line.startsWith("critical")),
    [`critical: request over its hard time limit, killing its worker worker=1 pid=${pid} method=GET target=/slow id=7 age_s=3.1`],
  );
  world.run(() => world.isSettled());
  assert.deepEqual(told(world), ["fork", "abort", "kill"]);
  assert.equal(world.nowMs, 1000);
  assert.deepEqual([...world.workers.keys()], [2]);
});

test("a worker that is gone, or being killed, is left alone", () => {
  const world = settled();
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "late", worker: 99, limit: "hard", first: true, request: REQUEST } });
  world.workers.get(1)!.busy = true;
  for (let again = 0; again < 2; again += 1)
    world.feed({ type: "gateway-said", gateway: 0, said: { ev: "late", worker: 1, limit: "hard", first: true, request: REQUEST } });
  assert.deepEqual(told(world), ["fork", "abort"]);
});
