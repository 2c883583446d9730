import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { takeStart } from "../../src/arbiter/start-context.ts";

const PROGRAM = ["/usr/bin/node", "--flag", "/opt/tunicorn.cjs"];
const top = realpathSync(mkdtempSync(join(tmpdir(), "tunicorn-start-")));
const home = process.cwd();
after(() => {
  process.chdir(home);
  rmSync(top, { recursive: true });
});

test("what the launcher says is used and taken away; the user's environment is whole again", () => {
  const env: NodeJS.ProcessEnv = {
    HOME: "/h",
    TUNICORN_COMMAND: "bin/tunicorn",
    TUNICORN_INIT: "yes",
    TUNICORN_NOFILE: "1024",
    TUNICORN_DAEMON: "yes",
    TUNICORN_NODE: "/usr/bin/node20",
    TUNICORN_NODE_OPTIONS: "--no-warnings",
  };
  const context = takeStart(env, PROGRAM, ["app"]);
  assert.deepEqual(context.command, ["bin/tunicorn"]);
  assert.deepEqual([context.openFiles, context.containerEndsWithUs, context.serviceManager], ["1024", true, undefined]);
  assert.deepEqual(context.env, { HOME: "/h", NODE_OPTIONS: "--no-warnings", TUNICORN_NODE: "/usr/bin/node20" });
  // Still to be used by the nursery, and by the start in the background.
  assert.deepEqual(Object.keys(env).sort(), ["HOME", "TUNICORN_DAEMON", "TUNICORN_NODE", "TUNICORN_NODE_OPTIONS", "TUNICORN_NOFILE"]);
});

test("without a launcher the Node program itself is started again", () => {
  const { command, openFiles, containerEndsWithUs } = takeStart({}, PROGRAM, ["app"]);
  assert.deepEqual([command, openFiles, containerEndsWithUs], [PROGRAM, undefined, false]);
});

test("the service manager's variables are for the master alone, but its successor gets them again", () => {
  const given = { NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "2000000", WATCHDOG_PID: String(process.pid) };
  const env: NodeJS.ProcessEnv = { ...given, TUNICORN_NOTIFY: "5" };
  const context = takeStart(env, PROGRAM, []);
  assert.deepEqual(context.serviceManager, { connection: 5, watchdogMs: 1000 });
  assert.deepEqual([env, context.env], [{}, given]);
});

for (const [said, connection] of [
  ["there is no python3", "there is no python3"],
  [undefined, "tunicorn was not started by its launcher, bin/tunicorn"],
] as const) {
  test(`a service manager without a connection: ${connection}`, () => {
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: "/n", ...(said === undefined ? {} : { TUNICORN_NOTIFY: said }) };
    assert.equal(takeStart(env, PROGRAM, []).serviceManager?.connection, said ?? connection);
  });
}

test("inherited sockets are noted, and nobody else is told of them", () => {
  const env: NodeJS.ProcessEnv = { LISTEN_PID: String(process.pid), LISTEN_FDS: "1", GUNICORN_PID: "7" };
  const { origin } = takeStart(env, PROGRAM, []);
  assert.deepEqual([origin.sockets?.descriptors, origin.predecessor], [[3], 7]);
  assert.deepEqual(env, { GUNICORN_PID: "7" });
});

test("the directory is the one that the user had entered, links and all, if PWD is to be believed", () => {
  const link = join(top, "current");
  symlinkSync(top, link);
  process.chdir(link);
  for (const [PWD, directory] of [
    [link, link],
    [home, top],
    [join(top, "nowhere"), top],
  ] as const) {
    assert.equal(takeStart({ PWD }, PROGRAM, []).directory, directory);
  }
  assert.equal(takeStart({}, PROGRAM, []).directory, top);
});
