import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListenAddress } from "../../src/lifecycle/messages.ts";
import type { Plan } from "../../src/lifecycle/state.ts";
import { World } from "./world.ts";

const at = (...ports: number[]): ListenAddress[] => ports.map((port, index) => ({ index, kind: "tcp", host: "127.0.0.1", port }));

function settled(plan: Partial<Plan> = {}): World {
  const world = new World({ workers: 2, addresses: at(8000), ...plan });
  world.run(() => world.isSettled());
  return world;
}

function hup(world: World, found: World["found"]): void {
  world.found = found;
  world.signal("hup");
  world.run(() => world.isSettled());
  world.checkPlan();
}

const does = (world: World, from = 0): string[] => world.commands.slice(from).map((command) => command.do);
const binds = (world: World): number[][] =>
  world.commands.flatMap((command) =>
    command.do === "tell-nursery" && command.message.cmd === "bind"
      ? [command.message.addresses.map((address) => ("port" in address ? address.port : 0))]
      : [],
  );

test("the settings are read before anything happens, and count before the first new worker", () => {
  const world = settled();
  const from = world.commands.length;
  hup(world, { workers: 3 });
  assert.equal(world.state.target, 3);
  const done = does(world, from);
  assert.ok(done.indexOf("read-settings") < done.indexOf("apply-settings"));
  const fork = world.commands.findIndex(
    (command, index) => index > from && command.do === "tell-nursery" && command.message.cmd === "fork",
  );
  assert.ok(done.indexOf("apply-settings") < fork - from);
});

test("lines of the reading are logged when it is applied", () => {
  const world = settled();
  world.signal("hup");
  const outcome = { status: "ok" as const, plan: { ...world.plan }, lines: [{ level: "warning" as const, text: "setting changed" }] };
  world.feed({ type: "settings-read", reading: 1, outcome });
  assert.ok(world.lines.includes("warning: setting changed"));
});

test("settings that cannot be used change nothing, and the log says why", () => {
  const world = settled();
  const workers = [...world.state.workers.keys()];
  hup(world, "broken");
  assert.ok(world.lines.includes("error: reload withdrawn, the settings cannot be used, everything stays as it was\nError: no"));
  assert.deepEqual([...world.state.workers.keys()], workers);
  assert.ok(!does(world).includes("apply-settings"));
});

test("new addresses are opened beside the old ones, which are closed when a new worker is ready", () => {
  const world = settled();
  hup(world, { addresses: at(8001, 8000) });
  hup(world, { addresses: at(8002) });
  assert.deepEqual(binds(world), [[8000], [8001, 8000], [8002, 8001, 8000], [8002]]);
  assert.ok(world.lines.includes("info: Listening at: http://127.0.0.1:8002"));
});

test("an address that stays busy withdraws the reload after five attempts", () => {
  const world = settled();
  world.bindError = "EADDRINUSE";
  world.found = { addresses: at(8001), workers: 5 };
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("withdrawn")));
  assert.equal(world.lines.filter((line) => line === "error: Connection in use: ('127.0.0.1', 8001)").length, 5);
  assert.ok(world.lines.includes("error: Can't connect to ('127.0.0.1', 8001)"));
  assert.ok(world.isSettled());
  assert.deepEqual([world.state.target, world.listening], [2, at(8000)]);
});

test("a generation that does not boot takes its settings with it, addresses and number of workers too", () => {
  const world = settled();
  world.signal("ttin");
  world.run(() => world.isSettled());
  world.bootResult = { code: 3 };
  hup(world, { addresses: at(8001), workers: 5 });
  assert.ok(world.lines.includes("error: reload withdrawn, the old workers keep serving gen=1 serving=0"));
  assert.deepEqual([world.state.target, world.applied, world.listening], [3, world.plan, at(8000)]);
});

test("the newest HUP wins: while the settings are read, while addresses are bound, while workers boot", () => {
  const world = settled();
  world.signal("hup");
  world.signal("hup");
  world.found = { workers: 4 };
  world.run(() => world.isSettled());
  assert.equal(does(world).filter((what) => what === "apply-settings").length, 1);
  world.bindError = "EADDRINUSE";
  world.found = { addresses: at(8001) };
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("Connection in use")));
  hup(world, { workers: 1 });
  assert.deepEqual([world.state.target, world.listening], [1, at(8000)]);
  world.bootResult = "hangs";
  world.found = { workers: 5 };
  world.signal("hup");
  world.run(() => world.workers.size === 2);
  world.bootResult = "ok";
  world.found = { workers: 2 };
  world.signal("hup");
  world.run(() => world.state.reload.at === "none" && world.state.target === 2);
  world.endHangs();
  world.run(() => world.isSettled());
  assert.equal(world.state.workers.size, 2);
});

test("a HUP before the server serves is carried out then", () => {
  const world = new World({ workers: 1, addresses: at(8000) });
  world.found = { workers: 3 };
  world.signal("hup");
  world.run(() => world.isSettled() && world.state.reload.at === "none");
  assert.equal(world.state.target, 3);
});

test("a nursery that dies by the configuration ends the reload, not the server", () => {
  const world = settled();
  world.signal("hup");
  world.killNursery();
  assert.ok(world.lines.some((line) => line.includes("the nursery died while it ran the configuration")));
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
});

test("a configuration that never ends is ended with its nursery", () => {
  const world = settled();
  world.signal("hup");
  world.sleep();
  assert.equal(world.nowMs, 40_000);
  assert.ok(does(world).includes("kill-nursery"));
});

test("without surge an old worker is gone before its successor is forked", () => {
  const world = settled({ surge: 0 });
  let most = 0;
  world.found = { surge: 0 };
  world.signal("hup");
  world.run(() => {
    most = Math.max(most, world.workers.size);
    return world.isSettled();
  });
  assert.deepEqual([most, world.isSettled()], [2, true]);
});

test("from fed workers to direct ones: the gateway finishes while the last of its workers stays, then it goes", () => {
  const world = settled();
  const from = world.commands.length;
  hup(world, { direct: true });
  const told = world.commands
    .slice(from)
    .flatMap((command) => (command.do === "tell-gateway" || command.do === "tell-gateways" ? [command.message.cmd] : []));
  assert.deepEqual(told, ["drain", "quit"]);
  assert.ok(!world.lines.some((line) => line.includes("gateway died")));
  hup(world, { direct: false });
  assert.notEqual(world.gatewayPid, undefined);
});

test("from direct workers to fed ones: the gateway gets its listeners with its first worker", () => {
  const world = settled({ direct: true });
  world.found = { direct: false };
  world.signal("hup");
  world.run(() => world.state.gateways[0]?.life.at === "up");
  assert.equal(world.gatewayListens, false);
  world.run(() => world.isSettled());
  world.checkPlan();
});

test("why a reload has come to nothing is remembered until the next one", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  world.bootResult = { code: 3 };
  world.signal("hup");
  world.run(() => world.state.withdrawn !== undefined);
  assert.equal(world.state.withdrawn, "the old workers keep serving gen=1 serving=0");
  world.bootResult = "ok";
  world.found = "broken";
  world.signal("hup");
  assert.equal(world.state.withdrawn, undefined);
  world.run(() => world.state.withdrawn !== undefined);
  assert.match(world.state.withdrawn ?? "", /^the settings cannot be used, everything stays as it was\n/);
  world.found = {};
  world.signal("hup");
  world.run(() => world.isSettled() && world.state.reload.at === "none" && !world.state.reloading);
  assert.equal(world.state.withdrawn, undefined);
});
