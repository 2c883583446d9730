/** test/server/control.test.ts and control-steering.test.ts have the commands on whole servers; here is what they cannot bring about. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlDesk, type DeskHands } from "../../src/arbiter/control-desk.ts";
import { Chronicle } from "../../src/control/chronicle.ts";
import { World } from "../lifecycle/world.ts";
import { resolvedOf } from "./settings-of.ts";

interface Stage {
  readonly world: World;
  readonly desk: ControlDesk;
  readonly warnings: string[];
  /** What the arbiter was told behind the answer. */
  readonly told: string[];
}

function stage(more: Partial<DeskHands> = {}): Stage {
  const world = new World({ workers: 2 });
  world.run(() => world.isSettled());
  const [warnings, told]: [string[], string[]] = [[], []];
  const hands: DeskHands = {
    state: world.state,
    version: "0.1.0",
    pid: 99,
    resolved: () => resolvedOf(["shop:app"]),
    gateways: () => [],
    listenerDescriptors: () => [],
    now: () => world.nowMs,
    signal: (name) => {
      told.push(name);
      world.signal(name);
    },
    order: (order) => void world.feed({ type: "ordered", order }),
    drain: () => void told.push("drain"),
    setLogLevel: (level) => void told.push(level),
    askStacks: (worker) => Promise.resolve(`stacks of ${worker}`),
    durations: () => ({ bounds_seconds: [], counts: [0] }),
    warn: (text) => void warnings.push(text),
    ...more,
  };
  return { world, desk: new ControlDesk(hands, new Chronicle(0)), warnings, told };
}

const turn = (): Promise<void> => new Promise((fulfil) => setImmediate(fulfil));
const pidOf = ({ world }: Stage, number: number): number => world.state.workers.get(number)?.pid ?? assert.fail();

test("signals come behind the answer", async () => {
  const { desk, told } = stage();
  for (const [line, data] of [
    ["reopen", { status: "reopening" }],
    ["drain", { status: "draining" }],
    ["shutdown quick", { status: "shutting_down", mode: "quick" }],
  ] as const) {
    const before = [...told];
    assert.deepEqual(await desk.answer(line, []), { status: "ok", data });
    assert.deepEqual(told, before);
    await turn();
  }
  assert.deepEqual(told, ["usr1", "drain", "int"]);
});

test("the number of workers goes up and down, never below one; with none there are none to take away", async () => {
  const scene = stage();
  const ask = async (line: string) => (await scene.desk.answer(line, [])) as { data: unknown };
  assert.deepEqual((await ask("worker add 2")).data, { added: 2, previous: 2, total: 4 });
  assert.deepEqual((await ask("worker remove 9")).data, { removed: 3, previous: 4, total: 1 });
  scene.world.state.target = 0;
  assert.deepEqual((await ask("worker remove")).data, { removed: 0, previous: 0, total: 0 });
});

test("stacks are those of the worker with that pid", async () => {
  const scene = stage();
  const pid = pidOf(scene, 2);
  assert.deepEqual(await scene.desk.answer(`stacks ${pid}`, []), { status: "ok", data: { pid, stacks: "stacks of 2" } });
  assert.deepEqual(await scene.desk.answer("stacks 5", []), { status: "error", error: "Worker 5 not found" });
});

test("a fault of ours is told, and logged", async () => {
  const scene = stage({ askStacks: () => Promise.reject(new Error("a fault")) });
  assert.deepEqual(await scene.desk.answer(`stacks ${pidOf(scene, 1)}`, []), { status: "error", error: "Command failed: a fault" });
  assert.match(scene.warnings[0] ?? "", /^Command error\nError: a fault\n {4}at /);
});

test("reload --wait ends when the server begins to stop meanwhile, and is refused when it does already", async () => {
  const { world, desk } = stage();
  const waiting = desk.answer("reload --wait", []);
  await turn();
  world.signal("term");
  desk.lookAgain();
  assert.deepEqual(await waiting, { status: "error", error: "the server has begun to stop" });
  assert.deepEqual(await desk.answer("reload --wait", []), { status: "error", error: "the server is stopping, it cannot reload" });
});

test("several wait for one reload, and all are answered", async () => {
  const { world, desk } = stage();
  const waiting = [desk.answer("reload --wait", []), desk.answer("reload --wait", [])];
  await turn();
  world.run(() => {
    desk.lookAgain();
    return world.isSettled() && world.state.reload.at === "none" && !world.state.reloading;
  });
  for (const answer of await Promise.all(waiting)) {
    assert.ok(answer.status === "ok");
    assert.equal((answer.data as { status: string }).status, "reloaded");
  }
});

test("log says what it was before", async () => {
  const { desk, told } = stage();
  assert.deepEqual(await desk.answer("log error", []), { status: "ok", data: { level: "error", previous: "info" } });
  assert.deepEqual(told, ["error"]);
});
