import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

test("Gunicorn's lines of a start", () => {
  const world = new World({
    workers: 1,
    addresses: [
      { index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 },
      { index: 1, kind: "unix", path: "/run/a.sock" },
    ],
  });
  world.run(() => world.state.phase.at === "serving");
  assert.deepEqual(world.lines.slice(0, 4), [
    "info: Starting tunicorn 0.1.0",
    "debug: Arbiter booted",
    "info: Listening at: http://127.0.0.1:8000,unix:/run/a.sock (100)",
    "info: Using worker: sync",
  ]);
});

test("a busy address: five attempts, a second apart, Gunicorn's lines, exit 1", () => {
  const world = new World({ workers: 1 });
  world.bindError = "EADDRINUSE";
  world.run();
  assert.equal(world.exitCode, 1);
  assert.equal(world.nowMs, 5000);
  const attempt = [
    "error: Connection in use: ('127.0.0.1', 8000)",
    "error: connection to ('127.0.0.1', 8000) failed: [Errno 98] Address already in use",
    "debug: Retrying in 1 second.",
  ];
  assert.deepEqual(world.lines.slice(1), [...Array(5).fill(attempt).flat(), "error: Can't connect to ('127.0.0.1', 8000)"]);
});

test("an address that comes free in time is taken", () => {
  const world = new World({ workers: 1 });
  world.bindError = "EADDRINUSE";
  world.run(() => world.nowMs >= 2000);
  world.bindError = undefined;
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
});

test("five attempts are for each address: a later one begins anew when those before it could be bound", () => {
  const world = new World();
  world.nurseryWorks(); // hello
  const fail = (index: number): void => {
    world.said({ ev: "bind-failed", index, errno: "EADDRINUSE", text: "[Errno 98] Address already in use" });
    world.sleep();
  };
  for (const index of [0, 0, 0, 1, 1, 0, 1]) fail(index);
  assert.equal(world.exitCode, undefined);
  assert.equal(world.state.phase.at, "binding");
  fail(1);
  assert.notEqual(world.state.phase.at, "binding");
});

test("an address that is not here", () => {
  const world = new World({ workers: 1 });
  world.said({ ev: "bind-failed", index: 0, errno: "EADDRNOTAVAIL", text: "[Errno 99] Cannot assign requested address" });
  assert.deepEqual(world.lines.slice(1, 3), [
    "error: Invalid address: ('127.0.0.1', 8000)",
    "error: connection to ('127.0.0.1', 8000) failed: [Errno 99] Cannot assign requested address",
  ]);
});

test("a Python that is too old ends the start", () => {
  const world = new World();
  world.said({ ev: "hello", pid: 1, python: "3.8.10", executable: "/usr/bin/python3" });
  assert.equal(world.exitCode, 1);
  assert.match(world.lines.at(-1) ?? "", /^stderr: \n?Error: Python 3\.8\.10 .* is too old/);
});

test("a Python that is not there ends the start with what the system said", () => {
  const world = new World();
  world.feed({ type: "nursery-exited", status: null, cause: "cannot start Python (python3): spawn python3 ENOENT" });
  assert.equal(world.exitCode, 1);
  assert.equal(world.lines.at(-1), "stderr: \nError: cannot start Python (python3): spawn python3 ENOENT\n");
});

test("a Python that ends before it says hello is named", () => {
  const world = new World();
  world.feed({ type: "nursery-exited", status: { code: 127 } });
  assert.equal(world.exitCode, 1);
  assert.match(world.lines.at(-1) ?? "", /^stderr: \nError: Python \(\/venv\/bin\/python\) ended before it was ready: .*127.* --python\n$/);
});

test("settings that the nursery refuses end the start", () => {
  const world = new World();
  world.said({ ev: "failed", cmd: "settings", text: "environment setting 'FOO' invalid" });
  assert.equal(world.exitCode, 1);
  assert.equal(world.lines.at(-1), "stderr: \nError: environment setting 'FOO' invalid\n");
});

test("a dead nursery is followed by one that takes over and replaces the orphans", () => {
  const world = settled({ workers: 2 });
  world.nowMs = 60_000;
  const from = world.commands.length;
  world.killNursery();
  assert.deepEqual(
    world.commands.slice(from).filter((command) => command.do !== "log"),
    [
      { do: "start-nursery" },
      { do: "send-settings" },
      { do: "hand-over", gateways: [0] },
      {
        do: "tell-nursery",
        message: {
          cmd: "adopted",
          workers: [
            [1, 1002],
            [2, 1003],
          ],
        },
      },
    ],
  );
  world.run(() => world.isSettled());
  const stops = world.commands
    .slice(from)
    .flatMap((command) => (command.do === "tell-gateway" || command.do === "tell-gateways" ? [command.message] : []));
  assert.deepEqual(stops, [
    { cmd: "stop-worker", worker: 1 },
    { cmd: "stop-worker", worker: 2 },
  ]);
  assert.deepEqual([...world.state.workers.keys()], [3, 4]);
});

for (const { configResult, warns, runs } of [
  { configResult: "ok", warns: [], runs: 1 },
  { configResult: "failed", warns: [/its values are kept, its functions and classes are lost: SyntaxError: invalid syntax$/], runs: 1 },
  { configResult: "dies", warns: [/are lost: it ended the nursery that ran it$/], runs: 1 },
] as const) {
  test(`a successor runs the configuration before it gets the settings: ${configResult}`, () => {
    const world = settled({ workers: 1, hasConfig: true });
    world.nowMs = 60_000;
    world.configResult = configResult;
    const [from, line] = [world.commands.length, world.lines.length];
    world.killNursery();
    world.run(() => world.isSettled() && world.state.nursery.at === "up");
    const sent = world.commands.slice(from).map((command) => command.do);
    assert.equal(sent.filter((name) => name === "run-config").length, runs);
    assert.equal(sent[sent.indexOf("run-config") + 1], "send-settings");
    const warnings = world.lines.slice(line).filter((text) => text.startsWith("warning: configuration"));
    assert.equal(warnings.length, warns.length, warnings.join("\n"));
    for (const [index, pattern] of warns.entries()) assert.match(warnings[index] ?? "", pattern);
    // The next one is given its chance again.
    world.configResult = "ok";
    world.nowMs += 5000;
    world.killNursery();
    assert.ok(world.commands.slice(from + sent.length).some((command) => command.do === "run-config"));
  });
}

test("a configuration that takes long in a successor has 20 s of its own", () => {
  const world = settled({ workers: 1, hasConfig: true });
  world.nowMs = 60_000;
  world.killNursery();
  world.nurseryWorks(); // hello
  world.nowMs = 79_000;
  world.nurseryWorks(); // run-config
  world.nowMs = 90_000;
  world.run(() => world.isSettled());
  assert.ok(!world.commands.some((command) => command.do === "kill-nursery"));
});

test("nursery and gateway dead at once: both are started again, and the workers", () => {
  const world = settled({ workers: 2 });
  world.killGateway();
  world.killNursery();
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
  assert.equal(world.workers.size, 2);
});

test("a gateway that was asked of the dead nursery is asked of its successor, without waiting for the first", () => {
  const world = settled({ workers: 1 });
  world.nowMs = 60_000;
  world.killGateway();
  assert.equal(world.state.gateways[0]?.life.at, "starting");
  world.killNursery();
  world.run(() => world.isSettled());
  assert.equal(world.nowMs, 60_000);
});

test("a nursery that dies before it has bound is tried five times", () => {
  const world = new World();
  let deaths = 0;
  for (; world.exitCode === undefined && deaths < 20; deaths += 1) {
    world.nurseryWorks();
    world.killNursery();
    world.sleep();
  }
  assert.equal(deaths, 5);
  assert.equal(world.exitCode, 1);
});

test("a nursery that does not take over in 20 s is killed", () => {
  const world = settled({ workers: 1 });
  world.nowMs = 60_000;
  world.killNursery();
  world.sleep();
  assert.equal(world.nowMs, 80_000);
  assert.ok(world.commands.some((command) => command.do === "kill-nursery"));
});

test("a nursery that lives but does not answer is killed, and another takes over", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  const before = world.nurseryPid;
  world.feed({ type: "nursery-silent", silentMs: 120_000 });
  assert.ok(world.lines.includes("critical: nursery does not answer, killing it silent_s=120.0"));
  world.run(() => world.isSettled());
  assert.notEqual(world.nurseryPid, before);
});

test("one that starts is given its time, and a server that stops is not held up", () => {
  const world = new World({ workers: 1 });
  world.feed({ type: "nursery-silent", silentMs: 120_000 });
  world.run(() => world.isSettled());
  world.signal("term");
  world.feed({ type: "nursery-silent", silentMs: 120_000 });
  assert.ok(!world.commands.some((command) => command.do === "kill-nursery"));
});
