/** Under systemd: sockets that it passes, what it is told, and an upgrade of such a service. A stand-in takes its part. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, type StartOptions, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import { runToEnd } from "./run-to-end.ts";
import { Notes, withSocketAt, withSockets } from "./service-manager.ts";
import { APPLICATION, endLast, promote, seen, seenBy, upgrade } from "./upgrade.ts";

const READY = "READY=1\nSTATUS=Gunicorn arbiter booted";

async function start(t: TestContext, kind: (typeof KINDS)[number], options: Partial<StartOptions>) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "shown.py"), APPLICATION);
  const pidFile = join(folder, "pid");
  const args = ["-p", pidFile, "--name", "shop", "--log-level", "debug", ...(options.args ?? []), "shown"];
  const server = await Server.start(t, kind, { cwd: folder, ...options, args });
  return { server, folder, pidFile };
}

for (const kind of KINDS) {
  test(`${kind}: sockets of the service manager take the place of every bind, and their files stay`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const { server } = await start(t, kind, { bind: "127.0.0.1:1", through: withSockets("tcp", `unix:${path}`) });
    const [, urls = ""] = await server.waitForLine(/Listening at: (\S+) \(/);
    const [, port] = /^http:\/\/127\.0\.0\.1:(\d+),unix:/.exec(urls) ?? assert.fail(urls);
    assert.ok(urls.endsWith(`,unix:${path}`));
    for (const address of [Number(port), path]) assert.equal((await exchange(address, get("/"))).status, 200);
    server.address = path;
    assert.deepEqual((await seen(server)).variables, {});
    if (kind === "tunicorn") await server.waitForLine(/\[DEBUG\] socket from the service manager fd=4 name=socket1$/);
    await server.stop();
    assert.ok(existsSync(path));
  });

  test(`${kind}: sockets that are meant for another process are left alone`, async (t) => {
    const { server } = await start(t, kind, { env: { LISTEN_FDS: "1", LISTEN_PID: "1" } });
    assert.deepEqual((await seen(server)).variables, { LISTEN_FDS: "1", LISTEN_PID: "1" });
    assert.equal((await server.exchange(get("/"))).status, 200);
  });

  for (const fd of [3, 9]) {
    test(`${kind}: -b fd://${fd}: a socket of whoever started it`, async (t) => {
      const { server } = await start(t, kind, { bind: `fd://${fd}`, through: withSocketAt(fd) });
      assert.equal((await server.exchange(get("/"))).status, 200);
    });
  }

  for (const address of ["path", "@abstract"]) {
    test(`${kind}: the service manager is told that it is ready: ${address}`, async (t) => {
      const folder = temporaryFolder(t);
      const socket = address === "path" ? join(folder, "notify") : `@${folder}`;
      const notes = await Notes.listen(t, socket);
      const { server } = await start(t, kind, { env: { NOTIFY_SOCKET: socket } });
      assert.deepEqual(await notes.wait(/READY/), { pid: server.pid, text: READY });
      // Ours keeps it from the application, which could speak for the service otherwise.
      assert.deepEqual((await seen(server)).variables, kind === "gunicorn" ? { NOTIFY_SOCKET: socket } : {});
    });
  }

  test(`${kind}: a service manager that cannot be reached stops nothing`, async (t) => {
    const { server } = await start(t, kind, { env: { NOTIFY_SOCKET: join(temporaryFolder(t), "nobody") } });
    assert.equal((await server.exchange(get("/"))).status, 200);
    await server.waitForLine(
      kind === "gunicorn"
        ? /sd_notify/
        : /\[WARNING\] cannot tell the service manager anything: cannot connect to NOTIFY_SOCKET '\S+': No such file/,
    );
  });
}

test("the life of a service as its manager hears it: ready, watched, reloading, stopping; all from the main process", async (t) => {
  const folder = temporaryFolder(t);
  const socket = join(folder, "notify");
  const notes = await Notes.listen(t, socket);
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "400000" };
  const { server } = await start(t, "tunicorn", { env, through: withSockets() });
  await notes.wait(/READY/);
  await waitUntil("waiting for the watchdog", () => notes.all.filter(({ text }) => text === "WATCHDOG=1").length >= 3);
  const from = notes.all.length;
  const beforeUs = process.hrtime.bigint() / 1000n;
  server.signal("SIGHUP");
  const { text } = await notes.wait(/RELOADING/, from);
  const [, stampUs = "0"] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=Reloading$/.exec(text) ?? assert.fail(text);
  assert.ok(beforeUs <= BigInt(stampUs) && BigInt(stampUs) <= process.hrtime.bigint() / 1000n, `${beforeUs} ${stampUs}`);
  assert.equal((await notes.wait(/READY/, from)).text, "READY=1\nSTATUS=Reloaded");
  await server.waitForLine(/reload done gen=1/);
  server.signal("SIGTERM");
  await notes.wait(/^STOPPING=1\nSTATUS=Stopping$/, from);
  await server.exit();
  assert.deepEqual(new Set(notes.all.map(({ pid }) => pid)), new Set([server.pid]));
});

test("a reload that is withdrawn ends for the service manager, too", async (t) => {
  const socket = `@${temporaryFolder(t)}`;
  const notes = await Notes.listen(t, socket);
  const { server, folder } = await start(t, "tunicorn", { env: { NOTIFY_SOCKET: socket } });
  await notes.wait(/READY/);
  writeFileSync(join(folder, "shown.py"), "raise ValueError('broken')\n");
  server.signal("SIGHUP");
  await notes.wait(/^READY=1\nSTATUS=Reload withdrawn, the old workers keep serving$/, 1);
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("an application that cannot be imported is never ready", async (t) => {
  const folder = temporaryFolder(t);
  const socket = join(folder, "notify");
  const notes = await Notes.listen(t, socket);
  writeFileSync(join(folder, "broken.py"), "raise ValueError('broken')\n");
  const { code } = await runToEnd(t, "tunicorn", { bind: "127.0.0.1:0", args: ["broken"], cwd: folder, env: { NOTIFY_SOCKET: socket } });
  assert.equal(code, 3);
  await notes.wait(/STOPPING/);
  assert.ok(notes.all.every(({ text }) => !text.includes("READY")));
});

test("an upgrade of a service with sockets of the manager, which follows it to the new main process", async (t) => {
  const folder = temporaryFolder(t);
  const [path, socket] = [join(folder, "socket"), join(folder, "notify")];
  const notes = await Notes.listen(t, socket);
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "400000" };
  const upgrading = await start(t, "tunicorn", { env, through: withSockets(`unix:${path}`, "tcp") });
  const { server } = upgrading;
  server.address = path;
  await notes.wait(/READY/);
  const successor = await upgrade(t, upgrading);
  assert.deepEqual((await seenBy(server, successor)).variables, { GUNICORN_PID: String(server.pid) });
  assert.ok(
    notes.all.every(({ pid }) => pid === server.pid),
    "the new master has spoken while the old one is the main process",
  );
  const from = notes.all.length;
  await promote(server);
  assert.deepEqual(await notes.wait(/MAINPID/, from), { pid: server.pid, text: `MAINPID=${successor}` });
  assert.deepEqual(await notes.wait(/READY/, from), { pid: successor, text: READY });
  assert.equal((await notes.wait(/WATCHDOG/, notes.all.length)).pid, successor);
  assert.ok(!notes.all.some(({ text }) => text.includes("STOPPING")), JSON.stringify(notes.all));
  await endLast(server, successor);
  assert.equal((await notes.wait(/STOPPING/)).pid, successor);
  assert.ok(existsSync(path));
});

for (const { name, env, says } of [
  {
    name: "LISTEN_FDS that is no number",
    env: { LISTEN_FDS: "three", LISTEN_PID: "$$" },
    says: /Error: LISTEN_FDS is 'three', not a number of sockets/,
  },
  {
    name: "a descriptor that is not open",
    env: { LISTEN_FDS: "1", LISTEN_PID: "$$" },
    says: /Error: cannot take over file descriptor 3: /,
  },
]) {
  test(`${name} is an error in words`, async (t) => {
    const script = `LISTEN_PID=$$; export LISTEN_PID; exec "$@" 3<&-`;
    const ended = await runToEnd(t, "tunicorn", { args: ["cases"], env, through: ["/bin/sh", "-c", script, "sh"] });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, says);
  });
}

/** supervisord and runit start a service in the foreground, without a terminal; runit's may even lack standard input. */
for (const kind of KINDS) {
  test(`${kind}: in the foreground with standard input closed, and told by the service manager`, async (t) => {
    const socket = `@${temporaryFolder(t)}`;
    const notes = await Notes.listen(t, socket);
    const { server } = await start(t, kind, { env: { NOTIFY_SOCKET: socket }, through: ["/bin/sh", "-c", 'exec "$@" <&-', "sh"] });
    await notes.wait(/READY/);
    assert.equal((await server.exchange(get("/"))).status, 200);
    assert.equal((await server.stop()).code, 0);
  });
}
