import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { APPS, type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

/** Each run says its number; `helper` is found beside the configuration, which is not where the server goes (`chdir`). */
const CONFIG = `
import os, sys
import helper
runs = len(open("runs").read()) + 1
open("runs", "a").write("x")
print("configuration run", runs, file=sys.stderr, flush=True)
workers = 2
`;

async function startConfigured(t: Scope, extra = ""): Promise<{ server: Server; folder: string }> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "helper.py"), "");
  writeFileSync(join(folder, "runs"), "");
  writeFileSync(join(folder, "conf.py"), CONFIG + extra);
  const server = await Server.start(t, "tunicorn", { args: ["-c", "conf.py", "--chdir", APPS, "cases"], cwd: folder });
  await server.waitForLine(/configuration run 1$/);
  return { server, folder };
}

async function replaceNursery(server: Server): Promise<void> {
  const from = server.lines.length;
  process.kill(server.nursery() ?? assert.fail("no nursery"), "SIGKILL");
  await server.waitForLine(/nursery replaced/, from);
}

/** The values of the start are those of now: two workers. */
async function assertServing(server: Server): Promise<void> {
  await waitUntil("waiting for two workers", () => server.workers().length === 2);
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
}

test("a new nursery runs the configuration again, where the first one did", async (t) => {
  const { server } = await startConfigured(t);
  await replaceNursery(server);
  await server.waitForLine(/configuration run 2$/);
  assert.equal(server.countLines(/configuration cannot be run again/), 0, server.output());
  await assertServing(server);
});

test("a configuration that cannot be run any more: one warning, and its values stay", async (t) => {
  const { server, folder } = await startConfigured(t);
  writeFileSync(join(folder, "conf.py"), "workers = = 7\n");
  await replaceNursery(server);
  await server.waitForLine(/\[WARNING\] configuration cannot be run again, its values are kept.*: SyntaxError: invalid syntax/);
  await assertServing(server);
  assert.equal(server.countLines(/configuration cannot be run again/), 1, server.output());
});

test("a configuration that is gone: one warning", async (t) => {
  const { server, folder } = await startConfigured(t);
  rmSync(folder, { recursive: true });
  await replaceNursery(server);
  await server.waitForLine(/\[WARNING\] configuration cannot be run again.*conf\.py' doesn't exist/);
  await assertServing(server);
});

test("a configuration that ends the process: the next nursery does without it", async (t) => {
  const { server } = await startConfigured(t, "if runs > 1: os._exit(7)\n");
  await replaceNursery(server);
  await server.waitForLine(/\[WARNING\] configuration cannot be run again.*it ended the nursery that ran it/);
  await assertServing(server);
});
