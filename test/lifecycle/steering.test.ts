import assert from "node:assert/strict";
import { test } from "node:test";
import type { Order } from "../../src/lifecycle/steering.ts";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ workers: 2, ...plan });
  world.run(() => world.isSettled());
  return world;
}

function order(world: World, wanted: Order): void {
  world.feed({ type: "ordered", order: wanted });
}

test("another number of workers, and the hook that wants to know of it", () => {
  const world = settled({ hooks: ["nworkers_changed"] });
  const from = world.commands.length;
  order(world, { do: "set-workers", count: 5 });
  const told = world.commands.slice(from).find((command) => command.do === "tell-nursery" && command.message.cmd === "hook");
  assert.deepEqual(told, { do: "tell-nursery", message: { cmd: "hook", hook: "nworkers_changed", count: 5, before: 2 } });
  world.run(() => world.isSettled());
  assert.equal(world.state.workers.size, 5);
  order(world, { do: "set-workers", count: 1 });
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [5]);
});

test("a worker that is retired leaves at once, and another is forked for it", () => {
  const world = settled();
  order(world, { do: "retire", worker: 1 });
  assert.equal(world.state.workers.get(1)?.state.at, "stopping");
  assert.equal(world.state.workers.get(3)?.state.at, "booting");
  const before = world.state.workers.get(1)?.state;
  order(world, { do: "retire", worker: 1 });
  assert.deepEqual(world.state.workers.get(1)?.state, before, "it has its time, however often it is told");
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2, 3]);
});

test("a worker that is recycled stays until another is ready", () => {
  const world = settled({ workers: 1 });
  order(world, { do: "recycle", worker: 1 });
  assert.deepEqual([world.state.workers.get(1)?.state.at, world.state.workers.get(2)?.state.at], ["ready", "booting"]);
  order(world, { do: "recycle", worker: 1 });
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2]);
  assert.equal(world.lines.filter((line) => /^info: worker recycled, replacing it worker=1 pid=\d+$/.test(line)).length, 1);
});

test("orders for nobody, and while the server stops, do nothing", () => {
  const world = settled();
  order(world, { do: "retire", worker: 9 });
  order(world, { do: "recycle", worker: 9 });
  assert.ok(world.isSettled());
  world.signal("term");
  order(world, { do: "set-workers", count: 7 });
  order(world, { do: "recycle", worker: 1 });
  assert.deepEqual([world.state.target, world.state.workers.get(1)?.doomed], [2, false]);
});

test("workers are wanted again after WINCH", () => {
  const world = settled({ daemon: true });
  world.signal("winch");
  world.run(() => world.state.target === 0 && world.state.workers.size === 0);
  order(world, { do: "set-workers", count: 2 });
  world.run(() => world.isSettled());
  assert.equal(world.state.workers.size, 2);
});

test("an order to drain ends the server", () => {
  const world = settled();
  world.feed({ type: "drain" });
  world.run(() => world.exitCode !== undefined);
  assert.equal(world.exitCode, 0);
});
