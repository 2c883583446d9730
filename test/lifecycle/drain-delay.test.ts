import assert from "node:assert/strict";
import { test } from "node:test";
import { readiness } from "../../src/lifecycle/readiness.ts";
import { World } from "./world.ts";

const DELAY_MS = 10_000;

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ drainDelayMs: DELAY_MS, ...plan });
  world.run(() => world.isSettled());
  return world;
}

/** What nursery and gateway have been told since `from`. */
function told(world: World, from: number): string[] {
  return world.commands.slice(from).flatMap((command) => ("message" in command ? [command.message.cmd] : []));
}

const isStopping = (world: World): boolean => world.state.phase.at === "stopping";
/** Time passes, but no further than this moment. */
function sleepUntil(world: World, atMs: number): void {
  while (world.nowMs < atMs) {
    world.sleep(atMs - world.nowMs);
    world.nowMs = Math.max(world.nowMs, Math.min(atMs, world.nowMs + 1));
  }
  world.sleep(0);
}

test("TERM: not ready at once, parting at half of the delay, a stop as ever at its end", () => {
  const world = settled();
  const from = world.commands.length;
  const beganMs = world.nowMs;
  world.signal("term");
  assert.deepEqual(readiness(world.state), { ready: false, reasons: ["draining"] });
  assert.ok(world.lines.includes("info: draining, not ready any more and still serving delay_s=10.0"));
  sleepUntil(world, beganMs + DELAY_MS / 2 - 1);
  assert.deepEqual(told(world, from), []);
  sleepUntil(world, beganMs + DELAY_MS / 2);
  assert.deepEqual(told(world, from), ["part"]);
  sleepUntil(world, beganMs + DELAY_MS - 1);
  assert.deepEqual([told(world, from), isStopping(world)], [["part"], false]);
  sleepUntil(world, beganMs + DELAY_MS);
  assert.ok(world.lines.includes("info: drain delay is over, stopping waited_s=10.0"));
  assert.deepEqual([told(world, from), isStopping(world)], [["part", "unlisten"], true]);
  world.run();
  assert.equal(world.exitCode, 0);
});

test("a second TERM ends the delay", () => {
  const world = settled();
  world.signal("term");
  sleepUntil(world, world.nowMs + 3000);
  world.signal("term");
  assert.ok(world.lines.includes("info: drain delay cut short, stopping waited_s=3.0"));
  assert.deepEqual([isStopping(world), readiness(world.state).reasons], [true, ["stopping"]]);
  world.signal("term");
  world.run();
  assert.equal(world.exitCode, 0);
});

test("the order to drain is a beginning of the same; a TERM that follows it is the first, and one more the second", () => {
  const world = settled();
  world.feed({ type: "drain" });
  world.feed({ type: "drain" });
  assert.deepEqual(readiness(world.state).reasons, ["draining"]);
  world.signal("term");
  assert.equal(isStopping(world), false);
  world.feed({ type: "drain" });
  assert.equal(isStopping(world), false);
  world.signal("term");
  assert.equal(isStopping(world), true);
  world.feed({ type: "drain" });
  world.run();
  assert.equal(world.exitCode, 0);
});

for (const name of ["int", "quit"] as const) {
  test(`${name} during the delay ends the server at once`, () => {
    const world = settled();
    world.signal("term");
    const from = world.commands.length;
    world.signal(name);
    assert.deepEqual(told(world, from), ["quit", "quit", "unlisten"]);
    world.run();
    assert.equal(world.exitCode, 0);
  });
}

test("during the delay life goes on: workers, the gateway and the nursery are replaced", () => {
  const world = settled();
  const beganMs = world.nowMs;
  world.signal("term");
  const [worker] = world.workers.keys();
  world.workerDies(worker ?? 0, { signal: "SIGKILL" });
  world.killGateway();
  world.killNursery();
  world.run(() => world.isSettled());
  assert.deepEqual([world.isSettled(), world.workers.size], [true, 2]);
  assert.ok(world.nowMs < beganMs + DELAY_MS);
  assert.deepEqual(readiness(world.state).reasons, ["draining"]);
  world.run();
  assert.deepEqual([world.exitCode, world.nowMs >= beganMs + DELAY_MS], [0, true]);
});

test("a server whose only worker has just died has its delay too: those who send clients here do not know it", () => {
  const world = settled({ workers: 1 });
  world.workerDies([...world.workers.keys()][0] ?? 0, { signal: "SIGKILL" });
  world.signal("term");
  assert.equal(isStopping(world), false);
});

test("HUP during the delay is done; the end comes when it was to come", () => {
  const world = settled();
  const beganMs = world.nowMs;
  world.signal("term");
  world.found = { workers: 3, drainDelayMs: 0 };
  world.signal("hup");
  world.run(() => world.isSettled());
  assert.equal(world.workers.size, 3);
  sleepUntil(world, beganMs + DELAY_MS - 1);
  assert.equal(isStopping(world), false);
  sleepUntil(world, beganMs + DELAY_MS);
  assert.equal(isStopping(world), true);
});

test("USR2 during the delay is refused in words", () => {
  const world = settled();
  world.signal("term");
  world.signal("usr2");
  assert.ok(world.lines.includes("warning: USR2 signal ignored. Draining."));
  world.run();
  assert.ok(!world.commands.some((command) => command.do === "start-successor"));
});

test("WINCH during the delay: nobody serves any more, so there is nothing to wait for", () => {
  const world = settled({ daemon: true });
  world.signal("term");
  world.signal("winch");
  assert.equal(isStopping(world), true);
  world.run();
  assert.equal(world.exitCode, 0);
});

/** Masters to which nobody is sent anyway, or whose clients have another one. */
const WITHOUT_DELAY: Readonly<Record<string, () => World>> = {
  "no delay is set": () => settled({ drainDelayMs: 0 }),
  "nobody has served yet": () => new World({ drainDelayMs: DELAY_MS }),
  "a new master serves, too": () => {
    const world = settled();
    world.signal("usr2");
    return world;
  },
  "the old master serves, too": () => settled({ predecessor: 7 }),
  "it rests": () => {
    const world = settled({ daemon: true });
    world.signal("winch");
    world.run(() => world.isSettled());
    return world;
  },
};

for (const [when, make] of Object.entries(WITHOUT_DELAY)) {
  test(`no delay when ${when}`, () => {
    const world = make();
    world.signal("term");
    assert.equal(isStopping(world), true);
    world.run();
    assert.equal(world.exitCode, 0);
  });
}

test("a service manager hears that it is draining, then that it stops, and nothing of a reload in between", () => {
  const world = settled();
  world.signal("term");
  world.signal("hup");
  world.run();
  const notes = world.commands.flatMap((command) => (command.do === "tell-service-manager" ? [command.note] : []));
  assert.deepEqual(notes, ["booted", "draining", "stopping"]);
});

test("direct workers: the delay is the same, and there is no gateway to tell", () => {
  const world = settled({ direct: true });
  const from = world.commands.length;
  world.signal("term");
  world.run();
  assert.deepEqual([world.exitCode, told(world, from).filter((cmd) => cmd === "stop").length], [0, 2]);
  assert.ok(world.lines.includes("info: drain delay is over, stopping waited_s=10.0"));
});
