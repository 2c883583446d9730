import assert from "node:assert/strict";
import { test } from "node:test";
import { MASTER_SIGNALS } from "../../src/lifecycle/event.ts";
import { World } from "./world.ts";

function settled(): World {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  return world;
}

for (const name of MASTER_SIGNALS) {
  test(`${name} is logged as Gunicorn does`, () => {
    const world = settled();
    const [first] = world.signal(name);
    assert.deepEqual(first, { do: "log", level: "info", text: `Handling signal: ${name}` });
  });
}

test("HUP says Hang up, WINCH that nothing happens", () => {
  const world = settled();
  for (const name of ["hup", "winch"] as const) world.signal(name);
  for (const line of ["info: Hang up: Master", "debug: SIGWINCH ignored. Not daemonized"]) assert.ok(world.lines.includes(line), line);
});

test("USR1 reopens the logs everywhere", () => {
  const world = settled();
  assert.deepEqual(world.signal("usr1").slice(1), [
    { do: "reopen-logs" },
    { do: "tell-nursery", message: { cmd: "reopen-logs" } },
    { do: "tell-gateways", message: { cmd: "reopen-logs" } },
  ]);
});

test("a signal that the application sent to its parent is the master's; one without a meaning is dropped", () => {
  const world = settled();
  world.said({ ev: "forward-signal", signal: "TTIN" });
  assert.equal(world.state.target, 2);
  assert.deepEqual(world.said({ ev: "forward-signal", signal: "CONT" }), []);
});

test("lines of nursery and gateway reach the log; what cannot be done is reported", () => {
  const world = settled();
  world.said({ ev: "log", level: "warning", text: "from the nursery" });
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "log", level: "error", text: "from the gateway" } });
  world.said({ ev: "failed", cmd: "warm", text: "no" });
  world.said({ ev: "unknown-child", pid: 9, status: { code: 1 } });
  assert.deepEqual(world.lines.slice(-4), [
    "warning: from the nursery",
    "error: from the gateway",
    "error: nursery cannot warm: no",
    "debug: Reaped unknown child process (pid:9, status:256)",
  ]);
});

test("after the exit nothing is done any more", () => {
  const world = settled();
  world.signal("term");
  world.run();
  assert.equal(world.exitCode, 0);
  for (const name of MASTER_SIGNALS) assert.deepEqual(world.signal(name), []);
});

test("a changed source file brings new workers, as many as there are, and keeps the old ones until then", () => {
  const world = settled();
  world.signal("ttin");
  world.run(() => world.isSettled());
  const [old] = world.state.workers.keys();
  world.feed({ type: "source-changed", path: "/srv/app.py" });
  assert.ok(world.lines.includes("info: Worker reloading: /srv/app.py modified"));
  assert.deepEqual([world.state.target, world.state.generation], [2, 1]);
  assert.ok(world.state.workers.has(old ?? 0));
  world.run(() => world.isSettled());
  assert.ok([...world.state.workers.values()].every(({ generation }) => generation === 1));
});

test("a changed source file while stopping is no news", () => {
  const world = settled();
  world.signal("term");
  const from = world.lines.length;
  world.feed({ type: "source-changed", path: "/srv/app.py" });
  assert.deepEqual(world.lines.slice(from), []);
});
