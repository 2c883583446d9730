/** As PID 1, the first process of a container: a small init above the master. Needs a PID namespace: root, or user namespaces. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { Notes } from "./service-manager.ts";

const ROOT = 0;
const CONTAINER = ["unshare", ...(process.getuid?.() === ROOT ? [] : ["-r"]), "--pid", "--fork", "--mount-proc", "--kill-child"];

interface Container {
  readonly server: Server;
  /** Its first process, by the number that it has here. */
  readonly init: number;
}

async function startContainer(t: Scope, env: Readonly<Record<string, string>> = {}): Promise<Container> {
  const server = await Server.start(t, "tunicorn", { args: ["cases"], through: CONTAINER, env });
  const init = server.processes().find(({ parent }) => parent === server.pid)?.pid;
  return { server, init: init ?? assert.fail("no first process") };
}

const master = ({ server, init }: Container): number | undefined => server.processes().find(({ parent }) => parent === init)?.pid;

test("as PID 1: nothing stays a zombie, USR2 is refused in words, the master's exit code is the container's", async (t) => {
  const container = await startContainer(t);
  const { server, init } = container;
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  // It gives itself its title behind the first worker.
  const nursery = await waitUntil(
    "waiting for the nursery",
    () => server.processes().find(({ command }) => /: nursery/.test(command))?.pid,
  );
  process.kill(nursery, "SIGKILL");
  await server.waitForLine(/nursery replaced/);
  await waitUntil("waiting for the orphans to go", () => server.processes().every(({ state }) => state !== "Z"));
  process.kill(init, "SIGUSR2");
  await server.waitForLine(/\[WARNING\] USR2 signal ignored\. A container ends with its first process/);
  assert.equal(server.processes().filter(({ command }) => /: master/.test(command)).length, 1);
  process.kill(init, "SIGTERM");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal(master(container), undefined);
});

test("as PID 1 it tells whoever asked by NOTIFY_SOCKET", async (t) => {
  const socket = join(temporaryFolder(t), "notify");
  const notes = await Notes.listen(t, socket);
  const container = await startContainer(t, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "400000", WATCHDOG_PID: "1" });
  assert.equal((await notes.wait(/READY=1/)).pid, master(container));
  await notes.wait(/WATCHDOG=1/);
  process.kill(container.init, "SIGTERM");
  await notes.wait(/STOPPING=1/);
  assert.equal((await container.server.exit()).code, 0);
});
