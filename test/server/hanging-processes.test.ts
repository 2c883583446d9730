import assert from "node:assert/strict";
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { PYTHON, type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

/** Starts a server whose application says that its import has begun, and never ends it. */
async function startHanging(t: Scope, ...args: string[]): Promise<Server> {
  const folder = temporaryFolder(t);
  const source = 'import os, sys, time\nprint("import begins", os.getpid(), file=sys.stderr, flush=True)\nwhile True: time.sleep(60)\n';
  writeFileSync(join(folder, "hanging.py"), source);
  const server = Server.spawn(t, "tunicorn", { args: [...args, "hanging"], cwd: folder });
  await server.waitForLine(/import begins/);
  return server;
}

/** Each takes the ten seconds: both at once. */
test("tunicorn: what hangs while it imports is killed after ten times the timeout, and forked again", async (t) => {
  const [worker, mold] = await Promise.all([startHanging(t, "--timeout", "1"), startHanging(t, "--preload", "--timeout", "1", "-w", "2")]);
  const [, pid] = await worker.waitForLine(/import begins (\d+)/);
  await worker.waitForLine(new RegExp(`\\[CRITICAL\\] WORKER TIMEOUT \\(pid:${pid}\\)`));
  const [, bootingS] = await worker.waitForLine(new RegExp(`worker timed out worker=1 pid=${pid} booting_s=(\\d+\\.\\d)`));
  const [, waitedS] = await mold.waitForLine(
    /\[CRITICAL\] the preloaded application is not imported in time, killing its mold gen=0 waited_s=(\d+\.\d)$/,
  );
  for (const seconds of [bootingS, waitedS]) assert.ok(Number(seconds) >= 10, `${seconds} s`);
  // What is left of the tenth of a second that the first wait is.
  await mold.waitForLine(/\[WARNING\] worker did not boot, trying again worker=1 gen=0 signal=SIGKILL wait_s=0\.[01]$/);
  for (const server of [worker, mold]) {
    await waitUntil("waiting for the next one", () => server.countLines(/import begins/) >= 2);
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
  }
});

test("tunicorn: a mold that hangs does not outlive its nursery", async (t) => {
  const server = await startHanging(t, "--preload");
  const [, mold] = await server.waitForLine(/import begins (\d+)/);
  process.kill(server.nursery() ?? assert.fail("no nursery"), "SIGKILL");
  await waitUntil("waiting for the mold's end", () => server.processes().every(({ pid }) => pid !== Number(mold)));
  await waitUntil("waiting for the next mold", () => server.countLines(/import begins/) >= 2);
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
});

for (const flags of [["--check-config"], ["--preload"], []]) {
  test(`tunicorn: TERM while the application hangs in its import: nothing stays ${flags}`, async (t) => {
    const server = await startHanging(t, ...flags);
    await server.stop();
  });
}

test("tunicorn: with Python gone a dead nursery is tried again ever less often; TERM leaves no worker behind, busy or not", async (t) => {
  const folder = temporaryFolder(t);
  const python = join(folder, "python3");
  writeFileSync(python, `#!/bin/sh\nexec ${PYTHON} "$@"\n`);
  chmodSync(python, 0o755);
  const args = ["--python", python, "-w", "2", "--graceful-timeout", "1", "--log-level", "debug", "cases"];
  const server = await Server.start(t, "tunicorn", { args });
  await server.workersReady(2);
  const client = await server.connect();
  t.after(() => client.close());
  client.send(get(`/stay?note=${folder}/note&gate=${folder}/gate`));
  await waitUntil("waiting for the request to be in the application", () => existsSync(join(folder, "note")));
  rmSync(python);
  process.kill(server.nursery() ?? assert.fail("no nursery"), "SIGKILL");
  // The first wait is 0.1 s or none, as the dead one had lived for a second or not.
  for (const wait of ["0.2", "0.4", "0.8"]) await server.waitForLine(new RegExp(`cannot start Python \\(${python}\\).* wait_s=${wait}$`));
  // Gateway and workers go on.
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
});
