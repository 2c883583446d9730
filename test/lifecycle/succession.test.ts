import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { masterName } from "../../src/lifecycle/succession.ts";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

const starts = (world: World): number => world.commands.filter((command) => command.do === "start-successor").length;
const exit = (world: World) => world.commands.find((command) => command.do === "exit");

test("USR2 starts one new master, and another when that one has ended", () => {
  const world = settled();
  world.signal("usr2");
  world.signal("usr2");
  assert.equal(starts(world), 1);
  assert.equal(world.lines.at(-1), "warning: USR2 signal ignored. Child exists.");
  world.feed({ type: "successor-exited", pid: 8, status: { code: 0 } });
  assert.equal(world.lines.at(-1), "info: new master ended, this one goes on pid=8 code=0");
  world.signal("usr2");
  world.feed({ type: "successor-exited", pid: 9, status: { signal: "SIGKILL" } });
  assert.equal(world.lines.at(-1), "warning: new master ended, this one goes on pid=9 signal=SIGKILL");
  world.signal("usr2");
  world.feed({ type: "successor-exited", pid: undefined, status: null, cause: "spawn /bin/sh ENOENT" });
  assert.equal(world.lines.at(-1), "error: cannot start a new master, this one goes on: spawn /bin/sh ENOENT");
  assert.equal(starts(world), 3);
});

test("before there are sockets USR2 waits for them; when they cannot be had it is forgotten", () => {
  const world = new World();
  world.signal("usr2");
  assert.equal(starts(world), 0);
  world.run(() => world.state.phase.at === "serving");
  assert.equal(starts(world), 1);

  const failing = new World();
  failing.bindError = "EADDRINUSE";
  failing.signal("usr2");
  failing.run();
  assert.deepEqual([starts(failing), failing.exitCode], [0, 1]);
  assert.deepEqual(exit(failing), { do: "exit", code: 1, keepSockets: false });
});

test("in a container that ends with this master USR2 is refused in words", () => {
  const world = settled({ containerEndsWithUs: true });
  world.signal("usr2");
  assert.equal(starts(world), 0);
  assert.match(world.lines.at(-1) ?? "", /^warning: USR2 signal ignored\. A container ends with its first process/);
});

test("a new master is called so until the old one has ended", () => {
  const world = settled({ predecessor: 7 });
  world.signal("hup");
  assert.ok(world.lines.includes("info: Hang up: Master.2"));
  world.signal("usr2");
  assert.equal(world.lines.at(-1), "warning: USR2 signal ignored. Parent exists.");
  const commands = world.feed({ type: "predecessor-gone" });
  assert.deepEqual(commands.slice(0, 3), [
    { do: "log", level: "info", text: "Master has been promoted." },
    { do: "promote" },
    { do: "tell-nursery", message: { cmd: "promoted" } },
  ]);
  assert.equal(masterName(world.state), "Master");
  assert.deepEqual(world.feed({ type: "predecessor-gone" }), []);
  world.signal("usr2");
  assert.equal(starts(world), 1);
});

test("a new master takes no clients before it has a worker", () => {
  const world = new World({ predecessor: 7, workers: 3, warmImports: true });
  world.bootResult = "hangs";
  world.run(() => world.workers.size > 0);
  assert.equal(world.gatewayPid, undefined);
  world.workerDies([...world.workers.keys()][0] ?? 0, { signal: "SIGKILL" });
  world.bootResult = "ok";
  world.run(() => world.isSettled());
  assert.notEqual(world.gatewayPid, undefined);
  const order = world.commands.map((command) => command.do);
  assert.ok(order.indexOf("start-gateway") > 0);
  // Later ones, whose predecessor was killed, do not wait again.
  world.killGateway();
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
});

test("a new master whose application cannot be imported ends without ever having had a gateway, and leaves the sockets alone", () => {
  const world = new World({ predecessor: 7 });
  world.bootResult = { code: 3 };
  world.run();
  assert.ok(!world.commands.some((command) => command.do === "start-gateway"));
  assert.deepEqual(exit(world), { do: "exit", code: 3, keepSockets: true });
  assert.ok(world.lines.includes("error: Shutting down: Master.2"));
});

type Step = "usr2" | "ends" | "promoted" | "hup" | "ttin";

test("whatever comes in which order: at most one new master, never a grandchild, and the sockets' files go with the last", () => {
  fc.assert(
    fc.property(
      fc.option(fc.constant(7), { nil: undefined }),
      fc.array(fc.constantFrom<Step[]>("usr2", "ends", "promoted", "hup", "ttin"), { maxLength: 30 }),
      (predecessor, steps) => {
        const world = settled({ predecessor });
        let alive = 0;
        let promoted = predecessor === undefined;
        for (const step of steps) {
          if (step === "ends") {
            if (alive === 0) continue;
            alive = 0;
            world.feed({ type: "successor-exited", pid: 8, status: { code: 0 } });
          } else if (step === "promoted") {
            world.feed({ type: "predecessor-gone" });
            promoted = true;
          } else {
            const before = starts(world);
            world.signal(step);
            const started = starts(world) - before;
            assert.equal(started, step === "usr2" && alive === 0 && promoted ? 1 : 0);
            alive += started;
          }
          assert.ok(alive <= 1);
        }
        world.signal("term");
        world.run();
        assert.deepEqual(exit(world), { do: "exit", code: 0, keepSockets: alive > 0 || !promoted });
      },
    ),
    { numRuns: 200 },
  );
});

/** A master with the hook, which has been told USR2. */
function preparing(): World {
  const world = settled({ hooks: ["pre_exec"] });
  world.signal("usr2");
  assert.equal(starts(world), 0);
  return world;
}

test("pre_exec comes before the new master, once for each", () => {
  const world = preparing();
  world.signal("usr2");
  assert.equal(world.lines.at(-1), "warning: USR2 signal ignored. Child exists.");
  world.nurseryWorks();
  assert.equal(starts(world), 1);
  world.feed({ type: "successor-exited", pid: 8, status: { code: 0 } });
  world.signal("usr2");
  world.nurseryWorks();
  assert.equal(starts(world), 2);
  const ran = world.commands.filter((command) => command.do === "tell-nursery" && command.message.cmd === "pre-exec");
  assert.equal(ran.length, 2);
});

for (const [how, fail, text] of [
  ["raises", (world: World) => world.said({ ev: "pre-exec-ran", status: { code: 1 } }), "code=1"],
  ["cannot be forked", (world: World) => world.said({ ev: "failed", cmd: "pre-exec", text: "no room" }), "no room"],
  ["dies with the nursery", (world: World) => world.killNursery(), "the nursery died with it"],
] as const) {
  test(`a pre_exec that ${how} is the end of the upgrade, not of the server`, () => {
    const world = preparing();
    fail(world);
    world.run(() => world.isSettled());
    assert.ok(world.lines.includes(`error: no new master is started, this one goes on: pre_exec failed: ${text}`));
    assert.deepEqual([starts(world), world.state.succession.successor, world.isSettled()], [0, "none", true]);
  });
}

test("TERM while pre_exec runs: the new master is started first, for this one hands over to it", () => {
  const world = preparing();
  world.signal("term");
  assert.equal(world.state.phase.at, "serving");
  world.nurseryWorks();
  assert.deepEqual([starts(world), world.state.phase.at], [1, "stopping"]);
  world.run();
  assert.deepEqual(exit(world), { do: "exit", code: 0, keepSockets: true });
});

test("TERM while pre_exec runs and fails, and a second one while it goes on: a stop without a new master", () => {
  const failing = preparing();
  failing.preExecStatus = { signal: "SIGKILL" };
  failing.signal("term");
  const hanging = preparing();
  hanging.signal("term");
  hanging.signal("term");
  assert.equal(hanging.state.phase.at, "stopping");
  for (const world of [failing, hanging]) {
    world.run();
    assert.deepEqual([starts(world), exit(world)], [0, { do: "exit", code: 0, keepSockets: false }]);
  }
});
