import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

function settled(): World {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  return world;
}

test("a dead gateway is followed at once by another; both reports of its death count once", () => {
  const world = settled();
  world.nowMs = 60_000;
  const from = world.commands.length;
  world.killGateway();
  const done = world.commands.slice(from).flatMap((command) => (command.do === "log" ? [] : [command.do]));
  assert.deepEqual(done, ["drop-gateway", "start-gateway"]);
  world.run(() => world.isSettled());
  assert.equal(world.nowMs, 60_000);
});

test("workers do not count as ready until the new gateway knows them", () => {
  const world = settled();
  world.killGateway();
  assert.equal(world.state.workers.get(1)?.linked, false);
  world.run(() => world.isSettled());
  assert.equal(world.state.workers.get(1)?.linked, true);
});

test("one that never comes up is tried five times, then the server ends with 1", () => {
  const world = new World({ workers: 1 });
  for (let count = 0; count < 200 && world.exitCode === undefined; count += 1) {
    while (world.nurseryWorks());
    world.killGateway();
    while (world.nurseryWorks());
    world.workersWork();
    world.sleep();
  }
  assert.equal(world.exitCode, 1);
  assert.deepEqual(world.lines.slice(-2), ["error: Shutting down: Master", "error: Reason: Gateway failed to start."]);
  assert.equal(world.commands.filter((command) => command.do === "start-gateway").length, 5);
});

test("one that hangs while it starts is killed after 20 s", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.state.gateways[0]?.life.at === "connected");
  const pid = world.gatewayPid;
  world.sleep();
  while (world.nowMs < 20_000) world.sleep();
  assert.ok(world.commands.some((command) => command.do === "kill-process" && command.pid === pid));
});

test("a command that failed counts as a gateway that failed", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.state.gateways[0]?.life.at === "starting");
  world.said({ ev: "failed", cmd: "gateway", text: "[Errno 2] No such file or directory: 'node'" });
  assert.equal(world.state.gateways[0]?.life.at, "absent");
  assert.equal(world.state.gateways[0]?.backOff.failures, 1);
});

test("a paused gateway gets its listeners again when it asks", () => {
  const world = settled();
  const commands = world.feed({ type: "gateway-said", gateway: 0, said: { ev: "resume" } });
  assert.deepEqual(commands, [{ do: "tell-nursery", message: { cmd: "listen-again", gateway: 0 } }]);
});

test("without workers that it feeds there is no gateway: one that was started early is ended before the sockets are bound", () => {
  const world = new World({ direct: true, gatewayUnderWay: true });
  const told = world.commands.flatMap((command) => (command.do === "tell-nursery" ? [command.message.cmd] : []));
  assert.deepEqual(told.slice(0, 2), ["no-gateway", "bind"]);
  world.said({ ev: "gateway", gateway: 0, pid: 4711 });
  assert.deepEqual(world.commands.at(-1), { do: "drop-gateway", gateway: 0 });
  world.said({ ev: "gateway-exited", pid: 4711, status: { signal: "SIGKILL" } });
  world.run(() => world.isSettled());
  assert.equal(world.state.gateways[0]?.life.at, "absent");
  assert.ok(!world.commands.some((command) => command.do === "start-gateway" || command.do === "configure-gateway"));
  assert.ok(!world.lines.some((line) => line.includes("gateway")), world.lines.join("\n"));
});
