import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../../src/lifecycle/state.ts";
import { World } from "./world.ts";

function settled(plan: Partial<Plan> = {}): World {
  const world = new World({ workers: 2, gateways: 2, ...plan });
  world.run(() => world.isSettled());
  return world;
}

const ready = (world: World): boolean[] => [...world.state.workers.values()].map(({ linked }) => linked);

test("a worker is ready when every gateway that is up counts it in", () => {
  const world = new World({ workers: 1, gateways: 2 });
  world.run(() => world.state.gateways.every(({ life }) => life.at === "up") && world.state.workers.get(1)?.state.at === "ready");
  assert.deepEqual(ready(world), [false]);
  for (const [gateway, linked] of [false, true].entries()) {
    world.feed({ type: "gateway-said", gateway, said: { ev: "worker-ready", worker: 1 } });
    assert.deepEqual(ready(world), [linked]);
  }
  assert.equal(world.lines.filter((line) => line.includes("worker ready worker=1")).length, 1);
});

test("while one gateway is started again the workers are ready by the other, and not when the new one is up and does not know them", () => {
  const world = settled();
  world.killGateway(1);
  assert.deepEqual(ready(world), [true, true]);
  world.run(() => world.state.gateways[1]?.life.at === "up");
  assert.deepEqual(ready(world), [false, false]);
  world.run(() => world.isSettled());
  assert.deepEqual(ready(world), [true, true]);
  assert.ok(!world.commands.some((command) => command.do === "tell-nursery" && command.message.cmd === "stop"));
});

test("a worker that a new gateway waits for in vain is taken for hanging", () => {
  const world = settled({ timeoutMs: 30_000 });
  const busy = world.workers.get(1);
  assert.ok(busy);
  busy.busy = true;
  world.killGateway(1);
  world.run(() => world.lines.some((line) => line.includes("WORKER TIMEOUT")));
  assert.match(world.lines.join("\n"), /worker timed out worker=1 pid=\d+ unlinked_s=30\.0/);
});

test("orphans serve on through the gateways that they have, and are waited for by no other", () => {
  const world = settled({ timeoutMs: 1000 });
  world.bootResult = "hangs";
  world.killNursery();
  world.killGateway(1);
  world.run(() => world.state.gateways[1]?.life.at === "up");
  assert.deepEqual(ready(world).slice(0, 2), [true, true]);
  const before = world.nowMs;
  while (world.nowMs < before + 5000) world.sleep(100);
  const timedOut = world.lines.filter((line) => line.includes("worker timed out") && /worker=[12] /.test(line));
  assert.deepEqual(timedOut, []);
  world.bootResult = "ok";
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
});

test("what a gateway says that there is not means nothing", () => {
  const world = settled();
  assert.deepEqual(world.feed({ type: "gateway-said", gateway: 7, said: { ev: "worker-leaving", worker: 1 } }), []);
});
