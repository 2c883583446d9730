/** The hook `pre_exec`, the same configuration under both servers. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { KINDS, type Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { end, endLast, promote, seen, start, type Upgrading, upgrade } from "./upgrade.ts";

/** `state` is a live object of the master's; `when_ready` shows what the hook has left in it, at USR1's reopening nothing else happens. */
const CONFIG = `
import os

state = []

def note(*words):
    os.write(2, ("HOOK " + " ".join(str(word) for word in words) + "\\n").encode())

def when_ready(server):
    note("when_ready", server.master_name)

def pre_exec(server):
    state.append("called")
    note("pre_exec", len(state), os.getpid() != server.pid, server.reexec_pid, server.master_name, len(server.LISTENERS), bool(server.LISTENERS[0].sock.getsockname()))
    server.log.info("Forked child, re-executing.")

def child_exit(server, worker):
    note("child_exit", state)
`;

async function startWith(t: TestContext, kind: ServerKind, config: string): Promise<Upgrading> {
  const path = join(temporaryFolder(t), "conf.py");
  writeFileSync(path, config);
  return await start(t, kind, { args: ["-c", path] });
}

const hookLines = (server: Server): string[] => server.lines.flatMap(({ text }) => (text.startsWith("HOOK ") ? [text] : []));

for (const kind of KINDS) {
  test(`${kind}: pre_exec runs once before each new master, in another process, and changes nothing in this one`, async (t) => {
    const upgrading = await startWith(t, kind, CONFIG);
    const { server } = upgrading;
    const called = "HOOK pre_exec 1 True 0 Master 1 True";
    await end(server, await upgrade(t, upgrading));
    const successor = await upgrade(t, upgrading);
    assert.deepEqual(
      hookLines(server).filter((line) => !line.startsWith("HOOK child_exit")),
      ["HOOK when_ready Master", called, "HOOK when_ready Master.2", called, "HOOK when_ready Master.2"],
    );
    const [, pid] = await server.waitForLine(/\[(\d+)\] \[INFO\] Forked child, re-executing\.$/);
    assert.notEqual(Number(pid), server.pid);
    await promote(server);
    await server.waitForLine(/^HOOK child_exit \[\]$/);
    await endLast(server, successor);
  });
}

for (const [how, body] of [
  ["raises", "raise ValueError('not today')"],
  ["exits", "raise SystemExit(0)"],
] as const) {
  // Gunicorn's child would go on as a second master of the same workers, and end them.
  test(`a pre_exec that ${how} is the end of the upgrade, not of the server`, async (t) => {
    const { server } = await startWith(t, "tunicorn", `def pre_exec(server):\n    ${body}\n`);
    server.signal("SIGUSR2");
    await server.waitForLine(/\[ERROR\] no new master is started, this one goes on: pre_exec failed: code=1$/);
    if (how === "raises") await server.waitForLine(/^ValueError: not today$/);
    else await server.waitForLine(/\[WARNING\] pre_exec has called for an exit: 0$/);
    assert.ok((await seen(server)).pid > 0);
    assert.equal(server.countLines(/Starting tunicorn/), 1);
  });
}
