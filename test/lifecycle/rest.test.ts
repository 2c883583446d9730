import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ daemon: true, ...plan });
  world.run(() => world.isSettled());
  return world;
}

test("WINCH: the gateway finishes, then the workers leave, then the gateway; it is not called a death", () => {
  const world = settled();
  const from = world.commands.length;
  world.signal("winch");
  assert.ok(world.lines.includes("info: graceful stop of workers"));
  assert.equal(world.workers.size, 2);
  world.run(() => world.isSettled());
  assert.deepEqual([world.workers.size, world.state.target, world.gatewayPid], [0, 0, undefined]);
  const told = world.commands.slice(from).flatMap((command) => ("message" in command ? [command.message.cmd] : []));
  assert.deepEqual(told, ["drain", "quit", "stop", "stop"]);
  assert.ok(!world.lines.some((line) => line.includes("died")));
});

for (const [signal, workers] of [
  ["hup", 2],
  ["ttin", 1],
  ["ttou", 0],
] as const) {
  test(`${signal} when nobody is left: ${workers} workers`, () => {
    const world = settled();
    world.signal("winch");
    world.run(() => world.isSettled());
    world.signal(signal);
    world.run(() => world.isSettled());
    assert.deepEqual([world.workers.size, world.gatewayPid !== undefined], [workers, workers > 0]);
  });
}

test("HUP while the gateway still finishes: it does, another one follows, and the new workers have it", () => {
  const world = settled();
  world.signal("winch");
  world.signal("hup");
  const before = world.gatewayPid;
  world.run(() => world.isSettled() && world.gatewayPid !== before);
  assert.equal(world.workers.size, 2);
  assert.notEqual(world.gatewayPid, undefined);
});

test("a gateway that cannot finish in graceful_timeout is not waited for any longer", () => {
  const world = settled({ gracefulTimeoutMs: 5000 });
  world.signal("winch");
  world.sleep();
  assert.equal(world.nowMs, 5000);
  assert.equal(world.state.target, 0);
});

test("direct workers leave at once", () => {
  const world = settled({ direct: true });
  world.signal("winch");
  world.run(() => world.isSettled());
  assert.deepEqual([world.workers.size, world.state.target], [0, 0]);
});

test("TERM at any moment of it stops the server", () => {
  fc.assert(
    fc.property(fc.nat(12), fc.boolean(), (steps, recalled) => {
      const world = settled();
      world.signal("winch");
      if (recalled) world.signal("hup");
      for (let count = 0; count < steps; count += 1) world.run(() => true, 1);
      for (let count = 0; count < steps; count += 1) void (world.nurseryWorks() || world.gatewayWorks() || world.workersWork());
      world.signal("term");
      world.run();
      assert.equal(world.exitCode, 0);
    }),
  );
});
