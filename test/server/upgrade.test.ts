/** USR2: a new master beside the old one, on the same sockets; promotion, rollback, and nobody is lost. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import {
  APPLICATION,
  end,
  endLast,
  nurseryOf,
  pidIn,
  promote,
  seen,
  seenBy,
  start,
  startLoad,
  titleOf,
  upgrade,
  workersOf,
} from "./upgrade.ts";

for (const kind of KINDS) {
  test(`${kind}: USR2: two masters on one socket; TERM to the old one promotes the new one`, async (t) => {
    const upgrading = await start(t, kind);
    const { server, pidFile } = upgrading;
    const successor = await upgrade(t, upgrading);

    assert.equal(pidIn(pidFile), server.pid);
    assert.equal(titleOf(server, successor), `${kind}: master [shop.2]`);
    assert.equal(titleOf(server, server.pid), `${kind}: master [shop]`);
    const worker = await seenBy(server, successor);
    assert.deepEqual(worker.variables, { GUNICORN_PID: String(server.pid) });
    assert.equal(titleOf(server, worker.pid), `${kind}: worker [shop.2]`);
    assert.deepEqual((await seenBy(server, server.pid)).variables, {});

    server.signal("SIGUSR2");
    await server.waitForLine(new RegExp(`\\[${server.pid}\\] \\[WARNING\\] USR2 signal ignored\\. Child exists\\.$`));
    process.kill(successor, "SIGUSR2");
    await server.waitForLine(new RegExp(`\\[${successor}\\] \\[WARNING\\] USR2 signal ignored\\. Parent exists\\.$`));
    server.signal("SIGWINCH");
    await server.waitForLine(new RegExp(`\\[${server.pid}\\] \\[DEBUG\\] SIGWINCH ignored\\. Not daemonized$`));

    await end(server, server.pid);
    await server.waitForLine(new RegExp(`\\[${server.pid}\\] \\[INFO\\] Shutting down: Master$`));
    await server.waitForLine(new RegExp(`\\[${successor}\\] \\[INFO\\] Master has been promoted\\.$`));
    await waitUntil("waiting for the pid file", () => pidIn(pidFile) === successor && !existsSync(`${pidFile}.2`));
    await waitUntil("waiting for the title", () => titleOf(server, successor) === `${kind}: master [shop]`);

    // What is forked from now on knows nothing of an upgrade.
    const before = await seenBy(server, successor);
    process.kill(before.pid, "SIGKILL");
    const after = await waitUntil("waiting for another worker", async () => {
      const answer = await seen(server).catch(() => undefined);
      return answer?.pid === before.pid ? undefined : answer;
    });
    assert.deepEqual(after.variables, {});
    assert.equal(titleOf(server, after.pid), `${kind}: worker [shop]`);

    await endLast(server, successor);
    assert.equal(server.countLines(new RegExp(`\\[${successor}\\] \\[INFO\\] Shutting down: Master$`)), 1);
    assert.equal(existsSync(pidFile), false);
  });

  test(`${kind}: rollback: the new master is told to leave, the old one goes on and can be upgraded again`, async (t) => {
    const upgrading = await start(t, kind);
    const { server, pidFile } = upgrading;
    for (const signal of ["SIGQUIT", "SIGTERM"] as const) {
      const successor = await upgrade(t, upgrading);
      if (kind === "tunicorn") {
        process.kill(successor, "SIGHUP"); // Gunicorn's would die of the other one's pid file
        await server.waitForLine(new RegExp(`\\[${successor}\\] \\[INFO\\] Hang up: Master\\.2$`));
      }
      await end(server, successor, signal);
      await server.waitForLine(new RegExp(`\\[${successor}\\] \\[INFO\\] Shutting down: Master\\.2$`));
      await waitUntil("waiting for the pid file to go", () => !existsSync(`${pidFile}.2`));
      assert.equal(pidIn(pidFile), server.pid);
      assert.ok(workersOf(server.pid).includes((await seen(server)).pid));
      if (kind === "tunicorn") await server.waitForLine(new RegExp(`new master ended, this one goes on pid=${successor} code=0$`));
    }
    assert.deepEqual((await server.stop()).code, 0);
  });

  test(`${kind}: the file of a unix socket stays while one master has it, and goes with the last`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const upgrading = await start(t, kind, { bind: `unix:${path}` });
    const { server } = upgrading;
    await end(server, await upgrade(t, upgrading));
    assert.ok(existsSync(path), "the unpromoted one has removed it");
    const successor = await upgrade(t, upgrading);
    await promote(server);
    assert.equal((await exchange(path, get("/"))).status, 200);
    await endLast(server, successor);
    assert.equal(existsSync(path), false);
  });

  test(`${kind}: what the command means now is started: links lead to the new release`, async (t) => {
    const folder = temporaryFolder(t);
    for (const release of [1, 2]) {
      mkdirSync(join(folder, `release${release}`));
      writeFileSync(join(folder, `release${release}`, "shown.py"), APPLICATION.replace("RELEASE = 1", `RELEASE = ${release}`));
    }
    const current = join(folder, "current");
    symlinkSync(join(folder, "release1"), current);
    const upgrading = { folder, pidFile: join(folder, "pid") };
    const server = await Server.start(t, kind, {
      args: ["-p", upgrading.pidFile, "--name", "shop", "shown"],
      cwd: current,
      env: { PWD: current },
    });
    assert.equal((await seen(server)).release, 1);
    rmSync(current);
    symlinkSync(join(folder, "release2"), current);
    const successor = await upgrade(t, { ...upgrading, server });
    assert.equal((await seenBy(server, successor)).release, 2);
    assert.equal((await seenBy(server, server.pid)).release, 1);
    await promote(server);
    await endLast(server, successor);
  });
}

test("the launcher is found again by the name that was typed", async (t) => {
  const folder = temporaryFolder(t);
  const here = new URL("../../bin/tunicorn", import.meta.url).pathname;
  for (const release of ["one", "two"]) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, "tunicorn"), `#!/bin/sh\necho "launcher of $0 in ${release}" >&2\nexec "$REAL" "$@"\n`, {
      mode: 0o755,
    });
  }
  // A launcher of ours at the end of a chain of links, one of which is moved.
  symlinkSync(here, join(folder, "one", "real"));
  const current = join(folder, "current");
  symlinkSync(join(folder, "one"), current);
  writeFileSync(join(folder, "shown.py"), APPLICATION);
  const pidFile = join(folder, "pid");
  const through = ["/bin/sh", "-c", 'shift; exec "$CURRENT/real" "$@"', "sh"];
  const args = ["-p", pidFile, "shown"];
  const server = await Server.start(t, "tunicorn", { args, cwd: folder, through, env: { CURRENT: current, REAL: here } });
  rmSync(current);
  symlinkSync(join(folder, "two"), current);
  symlinkSync(join(folder, "two", "tunicorn"), join(folder, "two", "real"));
  const successor = await upgrade(t, { server, folder, pidFile });
  await server.waitForLine(new RegExp(`^launcher of ${current}/real in two$`));
  await end(server, successor);
});

test("a new release that cannot be imported ends again; the old master loses no client", async (t) => {
  const upgrading = await start(t, "tunicorn");
  const { server, folder, pidFile } = upgrading;
  const load = startLoad(server);
  await waitUntil("waiting for load", () => load.counts.answered > 20);
  writeFileSync(join(folder, "shown.py"), "raise ValueError('broken')\n");
  const from = server.lines.length;
  server.signal("SIGUSR2");
  await server.waitForLine(/\[ERROR\] Shutting down: Master\.2$/, from);
  await server.waitForLine(/\[ERROR\] Reason: Worker failed to boot\.$/, from);
  await server.waitForLine(/\[WARNING\] new master ended, this one goes on pid=\d+ code=3$/, from);
  assert.equal(existsSync(`${pidFile}.2`), false);
  const counted = load.counts.answered;
  await waitUntil("waiting for more load", () => load.counts.answered > counted + 20);
  await load.stop();
  assert.deepEqual(load.counts.failures, []);
});

test("no request is lost in an upgrade under load: new connections, and one that is kept", async (t) => {
  const upgrading = await start(t, "tunicorn", { args: ["-w", "2"] });
  const { server } = upgrading;
  const load = startLoad(server);
  await waitUntil("waiting for load", () => load.counts.answered > 50);
  const successor = await upgrade(t, upgrading);
  await promote(server);
  const counted = load.counts.answered;
  await waitUntil("waiting for more load", () => load.counts.answered > counted + 50);
  await load.stop();
  assert.deepEqual(load.counts.failures, []);
  assert.ok(load.counts.kept > 10, JSON.stringify(load.counts));
  await endLast(server, successor);
});

test("a server is upgraded again and again, and nothing is left behind: no descriptor, no variable", async (t) => {
  const upgrading = await start(t, "tunicorn", { args: ["--reuse-port", "--preload"] });
  const { server, pidFile } = upgrading;
  const load = startLoad(server);
  const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;
  const counts: number[] = [];
  let master = server.pid;
  for (let generation = 1; generation <= 3; generation += 1) {
    // What the new master inherits, the old one may have from a nursery that is gone.
    process.kill(await nurseryOf(master), "SIGKILL");
    await waitUntil(
      "waiting for another nursery",
      () => server.countLines(new RegExp(`\\[${master}\\] \\[INFO\\] nursery replaced`)) === 1,
    );
    const successor = await upgrade(t, upgrading, master);
    await promote(server, master);
    await waitUntil("waiting for the pid file", () => pidIn(pidFile) === successor);
    master = successor;
    await waitUntil("waiting until as few files are open as in the generation before", () =>
      openFiles(master) <= (counts[0] ?? Infinity) + 1 ? true : undefined,
    );
    counts.push(openFiles(master));
  }
  await load.stop();
  assert.deepEqual(load.counts.failures, []);
  process.kill((await seenBy(server, master)).pid, "SIGKILL");
  const { variables } = await waitUntil("waiting for another worker", () => seen(server).catch(() => undefined));
  assert.deepEqual(variables, {});
  await endLast(server, master);
});

test("a direct worker class is upgraded, too", async (t) => {
  const upgrading = await start(t, "tunicorn", { args: ["-k", "tornado"] });
  const { server } = upgrading;
  const successor = await upgrade(t, upgrading);
  await promote(server);
  assert.ok(workersOf(successor).includes((await seen(server)).pid));
  await endLast(server, successor);
});
