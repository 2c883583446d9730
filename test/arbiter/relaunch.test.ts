import assert from "node:assert/strict";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { relaunch } from "../../src/arbiter/relaunch.ts";
import { takeStart } from "../../src/arbiter/start-context.ts";

/** Prints what it was started with. */
const PROGRAM = ["/bin/sh", "-c", 'echo "$$|$LISTEN_PID|$WATCHDOG_PID|$(ulimit -Sn)|$(pwd -P)|$*"', "program"];
const HERE = process.cwd();

async function run(env: NodeJS.ProcessEnv, openFiles: string | undefined, words: readonly string[] = []): Promise<string[]> {
  const context = { ...takeStart({}, PROGRAM, words), openFiles };
  const child = relaunch(context, { stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env.PATH, ...env } });
  assert.ok(child.stdout);
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return [String(child.pid), ...output.trimEnd().split("|")];
}

test("the program gets the user's limit, words and directory, as the process that was started", async () => {
  const [started, pid, listen, watchdog, limit, directory, words] = await run({}, "256", ["two words", "-w"]);
  assert.equal(pid, started);
  assert.deepEqual([listen, watchdog, limit, directory, words], ["", "", "256", HERE, "two words -w"]);
});

test("variables that mean the new process have its pid, others stay", async () => {
  const [started, , listen, watchdog] = await run({ LISTEN_PID: "own", WATCHDOG_PID: "7" }, undefined);
  assert.deepEqual([listen, watchdog], [started, "7"]);
  const [again, , , other] = await run({ WATCHDOG_PID: "own" }, undefined);
  assert.equal(other, again);
});

test("a session of its own when it is asked for", async () => {
  const context = takeStart({}, ["/bin/sh", "-c", "echo; read line"], []);
  const child = relaunch(context, { stdio: ["pipe", "pipe", "inherit"], env: process.env, detached: true });
  assert.ok(child.stdout && child.stdin && child.pid);
  await once(child.stdout, "data");
  assert.equal(readlinkSync(`/proc/${child.pid}/cwd`), HERE);
  child.stdin.end();
  await once(child, "exit");
});
