/** test/server/control-places.test.ts has the same on whole servers, with a master that is promoted and users who may write nowhere. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Control } from "../../src/arbiter/control.ts";
import { ControlClient } from "../../src/client/control-client.ts";
import type { Command } from "../../src/lifecycle/command.ts";
import { World } from "../lifecycle/world.ts";
import { resolvedOf } from "./settings-of.ts";
import { LogBook } from "./stand-in.ts";

interface Stage {
  readonly folder: string;
  readonly book: LogBook;
  readonly control: Control;
  readonly world: World;
  words: readonly string[];
  follow(...commands: Command[]): void;
}

function stage(t: TestContext, words: (folder: string) => readonly string[]): Stage {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  const book = new LogBook();
  const world = new World({ workers: 1 });
  const control = new Control({
    log: book.log,
    state: world.state,
    version: "0.1.0",
    pid: 99,
    resolved: () => resolvedOf([...scene.words, "shop:app"]),
    gateways: () => [],
    listenerDescriptors: () => [],
    now: () => world.nowMs,
    signal: () => {},
    order: () => {},
    drain: () => {},
    setLogLevel: () => {},
    askStacks: () => Promise.resolve(""),
    durations: () => ({ bounds_seconds: [], counts: [0] }),
    pythonHalf: () => ({ python: "python3", program: "", directory: "/" }),
  });
  const follow = (...commands: Command[]): void => control.follow({ type: "tick", nowMs: world.nowMs }, commands);
  const scene: Stage = { folder, book, control, world, words: words(folder), follow };
  t.after(() => {
    control.close();
    book.remove();
    rmSync(folder, { recursive: true });
  });
  return scene;
}

const applied = ({ world }: Stage): Command => ({ do: "apply-settings", plan: world.plan });

test("it opens when the server serves, not before, and goes at the end", async (t) => {
  const scene = stage(t, (folder) => ["--control-socket", join(folder, "app.ctl")]);
  scene.follow();
  assert.deepEqual(scene.book.lines(), [""]);
  scene.world.run(() => scene.world.isSettled());
  scene.follow();
  await scene.book.line(new RegExp(`^\\[INFO\\] Control socket listening at ${scene.folder}/app\\.ctl$`));
  const client = await ControlClient.connect(join(scene.folder, "app.ctl"));
  assert.equal((await client.ask("show stats")).pid, 99);
  client.close();
  scene.control.close();
  assert.ok(!existsSync(join(scene.folder, "app.ctl")));
});

test("a reload that changes nothing of it leaves it and its clients alone", async (t) => {
  const scene = stage(t, (folder) => ["--control-socket", join(folder, "app.ctl")]);
  scene.world.run(() => scene.world.isSettled());
  scene.follow();
  const from = await scene.book.line(/Control socket listening/);
  const client = await ControlClient.connect(join(scene.folder, "app.ctl"));
  scene.follow(applied(scene));
  assert.equal((await client.ask("show stats")).pid, 99);
  client.close();
  scene.words = ["--control-socket", join(scene.folder, "other.ctl")];
  scene.follow(applied(scene));
  assert.equal(await scene.book.line(/listening at .*other\.ctl$/, from), from + 1, "nothing was said in between");
});

test("disabled: a line for whoever debugs; a reload can bring it", async (t) => {
  const scene = stage(t, (folder) => ["--no-control-socket", "--control-socket", join(folder, "app.ctl")]);
  scene.world.run(() => scene.world.isSettled());
  scene.follow();
  await scene.book.line(/^\[DEBUG\] Control socket disabled$/);
  scene.words = ["--control-socket", join(scene.folder, "app.ctl")];
  scene.follow(applied(scene));
  await scene.book.line(/listening at .*app\.ctl$/);
});

test("a server that ends while its socket is being made leaves none", async (t) => {
  const scene = stage(t, (folder) => ["--control-socket", join(folder, "app.ctl")]);
  scene.world.run(() => scene.world.isSettled());
  scene.follow();
  scene.control.close();
  await scene.book.line(/listening at .*app\.ctl$/);
  await new Promise((fulfil) => setImmediate(fulfil));
  assert.ok(!existsSync(join(scene.folder, "app.ctl")));
});
