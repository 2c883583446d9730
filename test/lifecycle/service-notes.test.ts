import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../src/lifecycle/command.ts";
import { noteText, type ServiceNote, watchdogPeriodMs } from "../../src/lifecycle/service-notes.ts";
import { World } from "./world.ts";

const FACTS = { monotonicUs: 1234567n, successorPid: 88 };
const TEXTS: readonly (readonly [ServiceNote, string])[] = [
  ["booted", "READY=1\nSTATUS=Gunicorn arbiter booted"],
  ["reloading", "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=Reloading"],
  ["reloaded", "READY=1\nSTATUS=Reloaded"],
  ["withdrawn", "READY=1\nSTATUS=Reload withdrawn, the old workers keep serving"],
  ["stopping", "STOPPING=1\nSTATUS=Stopping"],
  ["handed-over", "MAINPID=88"],
  ["alive", "WATCHDOG=1"],
];
for (const [note, text] of TEXTS) test(`the text of ${note}`, () => assert.equal(noteText(note, FACTS), text));

for (const { env, periodMs } of [
  { env: {}, periodMs: undefined },
  { env: { WATCHDOG_USEC: "30000000" }, periodMs: 15_000 },
  { env: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42" }, periodMs: 15_000 },
  { env: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "43" }, periodMs: undefined },
  { env: { WATCHDOG_USEC: "1" }, periodMs: 1 },
  { env: { WATCHDOG_USEC: "0" }, periodMs: undefined },
  { env: { WATCHDOG_USEC: "soon" }, periodMs: undefined },
  { env: { WATCHDOG_USEC: "99999999999999999999" }, periodMs: 2 ** 31 - 1 },
]) {
  test(`the watchdog with ${JSON.stringify(env)}`, () => assert.equal(watchdogPeriodMs(env, 42), periodMs));
}

function notes(commands: readonly Command[]): ServiceNote[] {
  return commands.flatMap((command) => (command.do === "tell-service-manager" ? [command.note] : []));
}

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

test("ready with the first worker, a reload, the stop: each once", () => {
  const world = new World();
  world.run(() => world.lines.some((line) => line.includes("Listening at")));
  assert.deepEqual(notes(world.commands), []);
  world.run(() => world.isSettled());
  assert.deepEqual(notes(world.commands), ["booted"]);
  world.signal("hup");
  world.signal("hup");
  world.run(() => world.isSettled());
  world.signal("term");
  world.run();
  assert.deepEqual(notes(world.commands), ["booted", "reloading", "reloaded", "stopping"]);
});

test("a reload that is withdrawn", () => {
  const world = settled();
  world.bootResult = { code: 3 };
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("reload withdrawn")));
  assert.deepEqual(notes(world.commands), ["booted", "reloading", "withdrawn"]);
});

test("a reload whose settings cannot be used, and one of the sources", () => {
  const world = settled();
  world.found = "broken";
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("reload withdrawn")));
  assert.deepEqual(notes(world.commands), ["booted", "reloading", "withdrawn"]);
  world.feed({ type: "source-changed", path: "/srv/app.py" });
  world.run(() => world.isSettled());
  assert.deepEqual(notes(world.commands), ["booted", "reloading", "withdrawn", "reloading", "reloaded"]);
});

test("a start that fails is never ready", () => {
  const world = new World();
  world.bootResult = { code: 3 };
  world.run();
  assert.deepEqual([world.exitCode, notes(world.commands)], [3, ["stopping"]]);
});

test("a master beside another one is silent until it is promoted", () => {
  const world = settled({ predecessor: 7 });
  world.signal("hup");
  world.run(() => world.isSettled());
  assert.deepEqual(notes(world.commands), []);
  world.feed({ type: "predecessor-gone" });
  assert.deepEqual(notes(world.commands), ["booted"]);
});

test("a master that leaves the service to another one does not say that it stops, but who goes on; last of all", () => {
  const world = settled();
  world.signal("usr2");
  world.signal("term");
  world.run();
  assert.deepEqual(notes(world.commands), ["booted", "handed-over"]);
  assert.deepEqual(
    world.commands.slice(-2).map((command) => command.do),
    ["tell-service-manager", "exit"],
  );
});
