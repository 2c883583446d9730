import assert from "node:assert/strict";
import { test } from "node:test";
import { TOLD_HOOKS } from "../../src/lifecycle/hooks.ts";
import type { Plan } from "../../src/lifecycle/state.ts";
import { World } from "./world.ts";

function settled(plan: Partial<Plan> = {}): World {
  const world = new World({ workers: 1, hooks: TOLD_HOOKS, ...plan });
  world.run(() => world.isSettled());
  return world;
}

/** The nursery's commands that matter for the order. */
function story(world: World, from = 0): string[] {
  return world.commands.slice(from).flatMap((command) => {
    if (command.do === "log") return /Shutting down/.test(command.text) ? [command.text] : [];
    if (command.do !== "tell-nursery") return [];
    const { message } = command;
    if (message.cmd === "hook") return [message.hook + (message.hook === "nworkers_changed" ? ` ${message.before}>${message.count}` : "")];
    return ["bind", "fork", "exit"].includes(message.cmd) ? [message.cmd] : [];
  });
}

test("the order of a start, of a change of the number of workers, of a reload, of a stop", () => {
  const world = settled();
  assert.deepEqual(story(world), ["nworkers_changed null>1", "on_starting", "bind", "when_ready", "fork"]);
  let from = world.commands.length;
  world.signal("ttin");
  world.run(() => world.isSettled());
  world.signal("ttou");
  world.signal("ttou");
  assert.deepEqual(story(world, from), ["nworkers_changed 1>2", "fork", "nworkers_changed 2>1"]);
  world.run(() => world.isSettled());
  from = world.commands.length;
  world.signal("hup");
  world.run(() => world.isSettled());
  assert.deepEqual(story(world, from), ["nworkers_changed 1>1", "on_reload", "fork"]);
  from = world.commands.length;
  world.signal("term");
  world.run();
  assert.deepEqual(story(world, from), ["Shutting down: Master", "on_exit", "exit"]);
});

test("hooks that are not set are not called", () => {
  const world = settled({ hooks: [] });
  world.signal("ttin");
  world.signal("term");
  world.run();
  assert.ok(!world.commands.some((command) => command.do === "tell-nursery" && command.message.cmd === "hook"));
});

test("a new nursery gets the hooks that made the live objects", () => {
  const world = settled();
  const from = world.commands.length;
  world.killNursery();
  world.run(() => world.isSettled());
  assert.deepEqual(story(world, from).slice(0, 3), ["nworkers_changed null>1", "on_starting", "when_ready"]);
});

for (const hook of ["on_starting", "when_ready", "nworkers_changed"]) {
  test(`${hook} that raises ends a start with 1, and its text on standard error`, () => {
    const world = new World({ workers: 1, hooks: TOLD_HOOKS });
    world.said({ ev: "hook-failed", hook, text: "\nError: no\n", code: null });
    world.run();
    assert.equal(world.exitCode, 1);
    assert.ok(world.lines.includes("stderr: \nError: no\n"));
    assert.ok(!world.lines.some((line) => line.includes("Shutting down")));
  });
}

test("later a hook that raises is logged; one that asks for the end gets it", () => {
  const world = settled();
  world.said({ ev: "hook-failed", hook: "on_reload", text: "Traceback: x\n", code: null });
  assert.ok(world.lines.includes("error: Exception in on_reload hook\nTraceback: x"));
  assert.ok(world.isSettled());
  world.said({ ev: "hook-failed", hook: "child_exit", text: "", code: 7 });
  world.run();
  assert.equal(world.exitCode, 7);
});

test("server.halt(), and server.num_workers", () => {
  const world = settled();
  world.said({ ev: "set-workers", count: 3 });
  world.run(() => world.isSettled());
  assert.equal(world.workers.size, 3);
  assert.equal(story(world).filter((what) => what.startsWith("nworkers_changed")).length, 1, "the nursery has called it");
  world.said({ ev: "halt", reason: "enough", code: 5 });
  world.run();
  assert.equal(world.exitCode, 5);
  assert.ok(world.lines.includes("error: Reason: enough"));
});

test("pre_fork that raises is a worker that does not boot: the end of a start, the withdrawal of a reload", () => {
  const world = new World({ workers: 1, hooks: [] });
  world.run(() => world.commands.some((command) => command.do === "tell-nursery" && command.message.cmd === "fork"));
  world.said({ ev: "hook-failed", hook: "pre_fork", text: "Traceback: x\n", code: null, worker: 1 });
  assert.ok(world.lines.includes("error: Exception in pre_fork hook\nTraceback: x"));
  world.run();
  assert.equal(world.exitCode, 3);

  const later = settled();
  later.signal("hup");
  later.handsWork();
  later.said({ ev: "hook-failed", hook: "pre_fork", text: "Traceback: x\n", code: null, worker: 2 });
  assert.ok(later.lines.includes("error: reload withdrawn, the old workers keep serving gen=1 serving=0"));
});

test("settings that the nursery refuses after a reload withdraw it", () => {
  const world = settled();
  world.found = { workers: 4 };
  world.signal("hup");
  world.handsWork();
  world.said({ ev: "failed", cmd: "settings", text: "No module named 'hooks_of_mine'" });
  assert.ok(world.lines.includes("error: No module named 'hooks_of_mine'"));
  world.run(() => world.isSettled());
  assert.equal(world.workers.size, 1);
});
