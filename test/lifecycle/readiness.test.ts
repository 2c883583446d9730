import assert from "node:assert/strict";
import { test } from "node:test";
import { readiness } from "../../src/lifecycle/readiness.ts";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

const READY = { ready: true, reasons: [] };
const because = (reason: string) => ({ ready: false, reasons: [reason] });

test("not before the first worker serves", () => {
  const world = new World();
  assert.deepEqual(readiness(world.state), because("starting"));
  world.run(() => world.state.phase.at === "serving");
  assert.deepEqual(readiness(world.state), because("starting"));
  world.run(() => world.isSettled());
  assert.deepEqual(readiness(world.state), READY);
});

test("direct workers count by themselves", () => {
  assert.deepEqual(readiness(settled({ direct: true }).state), READY);
});

test("a reload changes nothing, nor does one that fails", () => {
  const world = settled();
  for (const bootResult of ["ok", { code: 3 }] as const) {
    world.bootResult = bootResult;
    world.signal("hup");
    world.run(() => {
      assert.deepEqual(readiness(world.state), READY);
      return world.isSettled();
    });
  }
});

test("nobody serves: without a gateway, without workers", () => {
  const world = settled({ workers: 1 });
  world.killGateway();
  assert.deepEqual(readiness(world.state), because("no worker is ready"));
  world.run(() => world.isSettled());
  assert.deepEqual(readiness(world.state), READY);
  const [worker] = world.workers.keys();
  world.workerDies(worker ?? 0, { signal: "SIGKILL" });
  assert.deepEqual(readiness(world.state), because("no worker is ready"));
});

test("a resting master, and one that stops", () => {
  const world = settled({ daemon: true });
  world.signal("winch");
  assert.deepEqual(readiness(world.state), because("resting, no workers are wanted"));
  world.run(() => world.isSettled());
  assert.deepEqual(readiness(world.state), because("resting, no workers are wanted"));
  world.signal("term");
  assert.deepEqual(readiness(world.state), because("stopping"));
  world.run();
  assert.deepEqual(readiness(world.state), because("stopping"));
});

test("one of two gateways is started again: the other serves", () => {
  const world = settled({ gateways: 2 });
  world.killGateway(1);
  world.run(() => {
    assert.deepEqual(readiness(world.state), READY);
    return world.isSettled();
  });
});
