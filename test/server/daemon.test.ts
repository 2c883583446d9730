/** `daemon`: the command ends with 0, the server goes on without a terminal. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";

/** Parent, process group and session of a process. */
function family(pid: number): { readonly parent: number; readonly session: number } {
  const [, parent, , session] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return { parent: Number(parent), session: Number(session) };
}

for (const kind of KINDS) {
  for (const inherits of [false, true]) {
    test(`${kind}: -D${inherits ? " -R" : ""}: in the background, with its own session and umask, until TERM`, async (t) => {
      const folder = temporaryFolder(t);
      const pidFile = join(folder, "pid");
      const log = join(folder, "log");
      const args = ["-D", ...(inherits ? ["-R"] : []), "--pid", pidFile, "--error-logfile", log, "cases"];
      const starter = Server.spawn(t, kind, { args });
      const pid = await waitUntil("waiting for the pid file", () =>
        existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n") ? Number(readFileSync(pidFile, "utf8")) : undefined,
      );
      t.after(() => killQuietly(pid));
      if (!inherits) assert.deepEqual(await starter.exit(), { code: 0, signal: null });
      assert.notEqual(pid, starter.pid);
      const text = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
      const [, port] = await waitUntil("waiting for it to listen", () => /Listening at: http:\/\/\S+:(\d+) /.exec(text()) ?? undefined);
      await waitUntil("waiting for its worker", () => /Booting worker/.test(text()));
      assert.equal((await exchange(Number(port), get("/"))).status, 200);
      await waitUntil("waiting for the command's end", () => family(pid).parent !== starter.pid);
      assert.notEqual(family(pid).session, starter.pid);
      assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
      assert.equal(readlinkSync(`/proc/${pid}/fd/2`) === "/dev/null", !inherits);
      assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Umask:\s*0022$/m);
      assert.equal(readFileSync(`/proc/${pid}/environ`, "utf8").includes("GUNICORN_FD"), false);
      process.kill(pid, "SIGTERM");
      await waitUntil("waiting for the end", () => /Shutting down: Master/.test(text()));
      await waitUntil("waiting for the last process", () => !existsSync(`/proc/${pid}`) && !existsSync(pidFile));
    });
  }

  test(`${kind}: -D under systemd's Type=notify is warned of`, async (t) => {
    const folder = temporaryFolder(t);
    const args = ["-D", "--pid", join(folder, "pid"), "cases:nosuch"];
    const server = Server.spawn(t, kind, { args, env: { NOTIFY_SOCKET: join(folder, "nobody") } });
    await server.waitForLine(/^Warning: you shouldn't specify `daemon = True` when launching by systemd with `Type = notify`$/);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
  });

  test(`${kind}: -D with a wrong configuration says so at the terminal`, async (t) => {
    const server = Server.spawn(t, kind, { args: ["-D", "--user", "nosuch", "cases"] });
    assert.notEqual((await server.exit()).code, 0);
    assert.match(server.output(), /nosuch/);
  });
}
