/** Every signal of a master, to the master, to a worker alone, to the whole group; on both servers where Gunicorn behaves. */

import assert from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { get } from "./http-client.ts";
import { ReloadSite } from "./reload-site.ts";

for (const kind of KINDS) {
  test(`${kind}: TTIN, TTOU, WINCH, USR1 and CHLD to the master`, async (t) => {
    const site = new ReloadSite(t, { workers: "1", loglevel: '"debug"', errorlog: "None" });
    const log = join(site.folder, "error.log");
    site.configure({ errorlog: `"${log}"` });
    const server = Server.spawn(t, kind, {
      args: ["-c", join(site.folder, "conf.py")],
      bind: null,
      env: { SITE_VERSION: join(site.folder, "version") },
    });
    const text = () => {
      try {
        return readFileSync(log, "utf8");
      } catch {
        return "";
      }
    };
    const line = (pattern: RegExp) => waitUntil(`waiting for ${pattern}`, () => pattern.test(text()));
    await waitUntil("waiting for an answer", () =>
      site.ask().then(
        (words) => words.length > 1,
        () => false,
      ),
    );
    server.signal("SIGTTIN");
    await line(/Handling signal: ttin/);
    await waitUntil("waiting for a second worker", () => server.workers().length === 2);
    server.signal("SIGTTOU");
    await line(/Handling signal: ttou/);
    await waitUntil("waiting for one worker", () => server.workers().length === 1);
    server.signal("SIGTTOU");
    server.signal("SIGWINCH");
    await line(/Handling signal: winch[\s\S]*SIGWINCH ignored\. Not daemonized/);
    server.signal("SIGCHLD");
    assert.equal(server.workers().length, 1, "never fewer than one");
    renameSync(log, `${log}.1`);
    server.signal("SIGUSR1");
    await waitUntil("waiting for the new log file", () => text() !== "" || readFileSync(`${log}.1`, "utf8").includes("usr1"));
    server.signal("SIGTTIN");
    await line(/Handling signal: ttin/);
  });

  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    test(`${kind}: ${signal} to a worker alone has it replaced`, async (t) => {
      const server = await Server.start(t, kind, { args: ["cases", "-w", "1"] });
      const pid = Number((await server.exchange(get("/pid"))).body);
      process.kill(pid, signal);
      await waitUntil("waiting for another worker", () => {
        const now = server.workers();
        return now.length === 1 && !now.includes(pid);
      });
      assert.equal((await server.exchange(get("/pid"))).status, 200);
    });
  }
}

test("signals to the whole group are the master's affair: no worker is replaced", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  await waitUntil("waiting for both workers", () => server.countLines(/Booting worker/) === 2);
  assert.equal((await server.exchange(get("/pid"))).status, 200);
  for (const signal of ["SIGUSR1", "SIGWINCH"] as const) {
    const from = server.lines.length;
    process.kill(-server.pid, signal);
    await server.waitForLine(
      signal === "SIGWINCH" ? /Handling signal: winch/ : new RegExp(`Handling signal: ${signal.slice(3).toLowerCase()}`),
      from,
    );
  }
  process.kill(-server.pid, "SIGTTIN");
  await waitUntil("waiting for a third worker", () => server.workers().length === 3);
  process.kill(-server.pid, "SIGTTOU");
  await waitUntil("waiting for two workers", () => server.workers().length === 2);
  const workers = server.workers();
  const from = server.lines.length;
  process.kill(-server.pid, "SIGUSR2");
  const [, successor] = await server.waitForLine(/\[(\d+)\] \[INFO\] Listening at/, from);
  process.kill(Number(successor), "SIGTERM");
  await server.waitForLine(/new master ended/, from);
  assert.deepEqual(server.workers(), workers);
  assert.equal(server.countLines(/replacing it/), 0);
});

test("USR1 and WINCH to a worker alone leave it where it is; to the nursery and the gateway all signals do", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "1"] });
  const pid = Number((await server.exchange(get("/pid"))).body);
  process.kill(pid, "SIGUSR1");
  process.kill(pid, "SIGWINCH");
  for (const name of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
    process.kill(server.nursery() ?? 0, name);
    process.kill(server.gateway() ?? 0, name);
  }
  // Answered by the same worker, and the master has heard of nothing: its next line is that of a signal of its own.
  assert.equal(Number((await server.exchange(get("/pid"))).body), pid);
  const from = server.lines.length;
  server.signal("SIGUSR1");
  await server.waitForLine(/Handling signal: usr1/, from);
  assert.equal(server.countLines(/replacing it|died/), 0);
});

test("TERM during a reload ends the server, whatever the new worker does; TERM and HUP during a slow stop change nothing", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  const server = await site.start("tunicorn");
  site.configure({}, "import time\ntime.sleep(0.3)\n");
  server.signal("SIGHUP");
  await server.waitForLine(/Hang up: Master/);
  server.signal("SIGTERM");
  await server.waitForLine(/Handling signal: term/);
  server.signal("SIGTERM");
  server.signal("SIGHUP");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal(server.countLines(/Handling signal: term/), 1);
});

test("a HUP while the server boots is carried out", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  const server = Server.spawn(t, "tunicorn", {
    args: ["-c", join(site.folder, "conf.py")],
    bind: null,
    env: { SITE_VERSION: join(site.folder, "version") },
  });
  await server.waitForLine(/Starting tunicorn/);
  site.configure({ workers: "2" });
  server.signal("SIGHUP");
  await server.waitForLine(/reload done gen=1 workers=2/);
});

/** SIGUSR1 in the masks of /proc/PID/status. */
const USR1_BIT = 1n << 9n;

test("USR1 from the first moment on at which the master does not die of it: no inspector is open", async (t) => {
  const server = Server.spawn(t, "tunicorn", { args: ["cases"] });
  const isCaught = () => {
    const mask = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & USR1_BIT) !== 0n;
  };
  // Not with the harness's patience between two looks: Node's own handler is there for a moment only.
  while (!isCaught()) await new Promise((resolve) => setImmediate(resolve));
  server.signal("SIGUSR1");
  await server.ready();
  server.signal("SIGUSR1");
  await server.waitForLine(/Handling signal: usr1/);
  assert.doesNotMatch(server.output(), /Debugger listening|For help, see/);
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("a slow stop: a second TERM changes nothing, INT shortens it, and what still runs is killed two seconds later", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--graceful-timeout", "600"] });
  const held = await holdRequest(t, server);
  server.signal("SIGTERM");
  await server.waitForLine(/Handling signal: term/);
  server.signal("SIGTERM");
  server.signal("SIGINT");
  await server.waitForLine(/\[INFO\] Quick shutdown requested$/);
  server.signal("SIGQUIT");
  const answer = await held.answer;
  // A worker that is told to leave at once leaves its request, which its client is told.
  assert.ok(answer instanceof Error || answer.status === 502, JSON.stringify(answer));
  assert.equal((await server.exit()).code, 0);
  assert.deepEqual([server.countLines(/Handling signal: term/), server.countLines(/Quick shutdown requested/)], [1, 1]);
});
