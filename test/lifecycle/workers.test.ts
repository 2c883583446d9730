import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

function forks(world: World): number {
  return world.commands.filter((command) => command.do === "tell-nursery" && command.message.cmd === "fork").length;
}

test("all workers are forked at once when the sockets are bound", () => {
  const world = new World({ workers: 4 });
  world.run(() => world.state.phase.at === "serving");
  assert.equal(forks(world), 4);
});

test("with warm imports a scout goes first, then its modules are imported, then the others are forked", () => {
  const world = new World({ workers: 3, warmImports: true });
  world.run(() => world.isSettled());
  const orders = world.commands
    .flatMap((command) => (command.do === "tell-nursery" ? [command.message] : []))
    .filter(({ cmd }) => cmd === "fork" || cmd === "warm");
  assert.deepEqual(orders, [
    { cmd: "fork", worker: 1, generation: 0, preload: false, report_modules: true },
    { cmd: "warm", modules: ["json"] },
    { cmd: "fork", worker: 2, generation: 0, preload: false, report_modules: false },
    { cmd: "fork", worker: 3, generation: 0, preload: false, report_modules: false },
  ]);
});

test("a reload replaces one worker at a time: the old one is told to stop when the new one is ready", () => {
  const world = new World({ workers: 2 });
  world.run(() => world.isSettled());
  const before = world.commands.length;
  world.signal("hup");
  world.run(() => world.isSettled());
  const told = world.commands
    .slice(before)
    .flatMap((command) =>
      command.do === "tell-nursery" && "worker" in command.message ? [`${command.message.cmd} ${command.message.worker}`] : [],
    );
  assert.deepEqual(told, ["fork 3", "stop 1", "fork 4", "stop 2"]);
  assert.ok(world.lines.includes("info: reload done gen=1 workers=2"));
});

test("TTOU retires the oldest; TTIN forks one; the target never falls below one", () => {
  const world = new World({ workers: 2 });
  world.run(() => world.isSettled());
  for (const name of ["ttou", "ttou", "ttou"] as const) world.signal(name);
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2]);
  world.signal("ttin");
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2, 3]);
});

test("TTOU while one boots ends that one, not one that serves", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  world.signal("ttin");
  world.nurseryWorks();
  world.signal("ttou");
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [1]);
});

test("Gunicorn's line about the number of workers comes when it changes", () => {
  const world = new World({ workers: 2 });
  world.run(() => world.isSettled());
  world.sleep(10);
  assert.equal(world.lines.filter((line) => line === "debug: 2 workers").length, 1);
});

test("a worker that ignores SIGKILL is sent it again", () => {
  const world = new World({ workers: 1, gracefulTimeoutMs: 5000 });
  world.run(() => world.isSettled());
  world.signal("hup");
  world.run(() => world.state.workers.get(1)?.state.at === "stopping");
  world.sleep();
  world.sleep();
  const kills = world.commands.filter((command) => command.do === "tell-nursery" && command.message.cmd === "kill");
  assert.equal(kills.length, 2);
});
