import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../src/lifecycle/command.ts";
import { PLAN, World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

/** The commands since `from`, in short: `nursery unlisten`, `close-listeners`. */
function told(world: World, from: number): string[] {
  return world.commands.slice(from).flatMap((command: Command) => {
    if (command.do === "tell-nursery") return [`nursery ${command.message.cmd}`];
    if (command.do === "tell-gateway" || command.do === "tell-gateways") return [`gateway ${command.message.cmd}`];
    return command.do === "log" || command.do === "tell-service-manager" ? [] : [command.do];
  });
}

test("a graceful stop, step by step", () => {
  const world = settled({ workers: 1 });
  const from = world.commands.length;
  world.signal("term");
  assert.deepEqual(told(world, from), ["nursery unlisten"]);
  world.nurseryWorks();
  assert.deepEqual(told(world, from).slice(1), ["close-listeners", "gateway drain"]);
  world.gatewayWorks();
  assert.deepEqual(told(world, from).slice(3), ["nursery stop"]);
  world.nurseryWorks();
  world.workersWork();
  assert.deepEqual(told(world, from).slice(4), ["gateway quit", "nursery exit"]);
  world.run();
  assert.deepEqual(told(world, from).slice(6), ["drop-gateway", "exit"]);
  assert.equal(world.exitCode, 0);
  assert.deepEqual(world.lines.slice(-1), ["info: Shutting down: Master"]);
});

for (const name of ["int", "quit"] as const) {
  test(`${name} is a quick stop: workers are told to leave at once`, () => {
    const world = settled({ workers: 1 });
    const from = world.commands.length;
    world.signal(name);
    assert.deepEqual(told(world, from), ["nursery quit", "nursery unlisten"]);
    world.run();
    assert.equal(world.exitCode, 0);
  });

  test(`${name} while stopping gracefully shortens it to 2 s`, () => {
    const world = settled({ workers: 1 });
    world.signal("term");
    world.nowMs = 5000;
    world.signal(name);
    assert.ok(world.lines.includes("info: Quick shutdown requested"));
    assert.deepEqual(world.state.phase.at === "stopping" && world.state.phase.deadlineMs, 7000);
    world.signal(name);
    assert.equal(world.lines.filter((line) => line === "info: Quick shutdown requested").length, 1);
  });
}

test("a second TERM, and a HUP, while stopping are ignored", () => {
  const world = settled({ workers: 1 });
  world.signal("term");
  assert.deepEqual(world.signal("term"), []);
  assert.deepEqual(world.signal("hup"), []);
});

/** The nursery dies while stopping; the gateway goes on. */
function stopsWithoutWaiting(world: World): void {
  const sinceMs = world.nowMs;
  world.killNursery();
  world.run();
  assert.equal(world.exitCode, 0);
  assert.ok(world.nowMs - sinceMs < PLAN.gracefulTimeoutMs, `it took ${world.nowMs - sinceMs} ms`);
}

test("a worker that died before its nursery, while stopping, is not waited for: nobody would tell of its end again", () => {
  const world = settled({ workers: 2 });
  world.signal("term");
  const { pid } = world.workers.get(1) ?? assert.fail();
  world.workers.delete(1);
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "worker-lost", worker: 1, pid, requests: [], more: 0 } });
  stopsWithoutWaiting(world);
});

test("a worker that had been told to leave when its nursery died is told again by the gateway", () => {
  const world = settled({ workers: 1 });
  world.signal("term");
  world.nurseryWorks();
  world.gatewayWorks();
  assert.equal(world.state.workers.get(1)?.state.at, "stopping");
  const from = world.commands.length;
  stopsWithoutWaiting(world);
  assert.equal(told(world, from)[0], "gateway stop-worker");
});

test("a worker that a reload had told to leave is told again by the gateway when its nursery dies", () => {
  const world = settled({ workers: 1 });
  world.signal("hup");
  world.run(() => world.state.workers.get(1)?.state.at === "stopping");
  const from = world.commands.length;
  world.killNursery();
  assert.equal(told(world, from)[0], "gateway stop-worker");
  world.run();
  assert.ok(world.isSettled());
  assert.ok(world.nowMs < PLAN.gracefulTimeoutMs);
});

test("when graceful_timeout is over the workers are killed, and a second later it ends anyway", () => {
  const world = settled({ workers: 1, gracefulTimeoutMs: 3000 });
  world.signal("term");
  const from = world.commands.length;
  world.sleep();
  assert.equal(world.nowMs, 3000);
  assert.ok(told(world, from).includes("nursery kill"));
  for (let count = 0; count < 5 && world.exitCode === undefined; count += 1) world.sleep();
  assert.equal(world.nowMs, 5000);
  assert.equal(world.exitCode, 0);
});

test("a worker that boots when the stop begins is dismissed when the gateway has drained", () => {
  const world = new World({ workers: 1 });
  world.bootResult = "hangs";
  world.run(() => world.state.gateways[0]?.life.at === "up" && world.state.workers.size === 1);
  const from = world.commands.length;
  world.signal("term");
  world.run();
  assert.deepEqual(told(world, from).slice(0, 4), ["nursery unlisten", "close-listeners", "gateway drain", "nursery dismiss"]);
  assert.equal(world.exitCode, 0);
});

test("a dismissed worker that served already, as its word tells that comes late, finishes", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.state.workers.get(1)?.pid !== undefined);
  world.signal("ttin");
  world.signal("ttou");
  world.signal("hup");
  const [late] = [...world.state.workers.values()].filter(({ state }) => state.at === "stopping");
  assert.ok(late);
  world.said({ ev: "ready", worker: late.number, pid: 77, modules: [] });
  assert.deepEqual(late.state, { at: "stopping", killAtMs: world.nowMs + world.plan.gracefulTimeoutMs });
});

test("a stop before anything is bound", () => {
  const world = new World({ workers: 1 });
  world.signal("term");
  world.run();
  assert.equal(world.exitCode, 0);
  assert.equal(world.workers.size, 0);
});

for (const dead of ["nursery", "gateway", "both"] as const) {
  test(`a stop goes on when ${dead} dies in it`, () => {
    const world = settled({ workers: 2 });
    world.signal("term");
    if (dead !== "gateway") world.killNursery();
    if (dead !== "nursery") world.killGateway();
    world.run();
    assert.equal(world.exitCode, 0);
    world.workersWork(); // without both they leave by themselves
    assert.equal(world.workers.size, 0);
  });
}

test("direct workers of a dead nursery do not hold up a stop: nobody could tell of their end", () => {
  const world = new World({ workers: 2, direct: true });
  world.run(() => world.isSettled());
  world.state.nurseryBackOff.notBeforeMs = Number.POSITIVE_INFINITY; // its successor is not due yet
  world.killNursery();
  const before = world.nowMs;
  world.signal("term");
  world.run();
  assert.equal(world.exitCode, 0);
  assert.ok(world.nowMs - before < 5000);
});
