import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { type ControlClient, ControlClientError } from "../../src/client/control-client.ts";
import { runInteractive } from "../../src/client/interactive.ts";

const HEAD = "Connected to /nonexist/app.ctl\nType 'help' for available commands, 'quit' to exit.\n\n";

interface Scene {
  readonly input: PassThrough & { isTTY?: boolean };
  readonly asked: string[];
  readonly history: string;
  output(): string;
  run(): Promise<number>;
}

function stage(t: TestContext, { isTTY = false, gone = false, past = "" } = {}): Scene {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const history = join(folder, "history");
  if (past !== "") writeFileSync(history, past);
  const input: Scene["input"] = Object.assign(new PassThrough(), isTTY ? { isTTY } : {});
  const output = new PassThrough();
  let text = "";
  output.on("data", (chunk) => (text += chunk));
  const asked: string[] = [];
  const client = {
    isClosed: gone,
    close: () => {},
    ask: (line: string) => {
      asked.push(line);
      if (line === "bogus" || gone)
        return Promise.reject(new ControlClientError(gone ? "Communication error: Connection closed" : "no such command"));
      return Promise.resolve(line === "show workers" ? { workers: [{ pid: 4711 }], count: 1 } : { status: "reloading" });
    },
  } as unknown as ControlClient;
  const run = (): Promise<number> => runInteractive(client, "/nonexist/app.ctl", false, { input, output }, history);
  return { input, asked, history, output: () => text, run };
}

test("lines of a pipe: each has its prompt and its answer, empty ones none; quit ends it", async (t) => {
  const scene = stage(t);
  scene.input.end("reload\n\n  bogus\nQuit\nreload\n");
  assert.equal(await scene.run(), 0);
  const reloading = 'tunicorn> {\n  "status": "reloading"\n}\n\n';
  assert.equal(scene.output(), `${HEAD}${reloading}tunicorn> tunicorn> Error: no such command\n\ntunicorn> `);
  assert.deepEqual(
    scene.asked.filter((line) => line !== "show workers"),
    ["reload", "bogus"],
  );
});

test("the end of the input ends it", async (t) => {
  const scene = stage(t);
  scene.input.end("reload");
  assert.equal(await scene.run(), 0);
});

test("a server that is gone, and does not come back", async (t) => {
  const scene = stage(t, { gone: true });
  scene.input.end("reload\nreload\n");
  assert.equal(await scene.run(), 1);
  assert.ok(scene.output().endsWith("tunicorn> Error: Communication error: Connection closed\nConnection lost. Exiting.\n"));
});

test("a terminal: the history is kept for this user alone, the last line again with the arrow, words completed with Tab", async (t) => {
  const scene = stage(t, { isTTY: true, past: "show stats\n" });
  const ended = scene.run();
  const UP = "\u001b[A";
  // Key by key: what comes in one piece is pasted, and a Tab in it is only a Tab.
  const type = (keys: readonly string[]): void => {
    for (const key of keys) scene.input.write(key);
  };
  type([UP, ..."\rreopen\rrelo\t\r"]);
  while (scene.asked.filter((line) => line !== "show workers").length < 3) await new Promise((fulfil) => setImmediate(fulfil));
  type([..."worker kill \t\r"]);
  while (!scene.asked.includes("worker kill 4711")) await new Promise((fulfil) => setImmediate(fulfil));
  type([..."quit\r"]);
  assert.equal(await ended, 0);
  assert.deepEqual(
    scene.asked.filter((line) => line !== "show workers"),
    ["show stats", "reopen", "reload", "worker kill 4711"],
  );
  assert.deepEqual(readFileSync(scene.history, "utf8").split("\n").slice(-6), [
    "show stats",
    "reopen",
    "reload ",
    "worker kill 4711",
    "quit",
    "",
  ]);
  assert.equal(statSync(scene.history).mode & 0o777, 0o600);
});

test("Ctrl-C leaves with 130", async (t) => {
  const scene = stage(t, { isTTY: true });
  const ended = scene.run();
  scene.input.write("\u0003");
  assert.equal(await ended, 130);
});
