/** WINCH in an upgrade of a daemon: the old master without workers, and how it takes over again. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { APPLICATION, pidIn, seen, seenBy, startLoad, workersOf } from "./upgrade.ts";

for (const kind of KINDS) {
  test(`${kind}: -D: WINCH leaves the clients to the new master, HUP takes them back`, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "shown.py"), APPLICATION);
    const [pidFile, logFile] = [join(folder, "pid"), join(folder, "log")];
    const server = Server.spawn(t, kind, { args: ["-D", "-p", pidFile, "--error-logfile", logFile, "shown"], cwd: folder });
    const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
    const said = (pattern: RegExp, from = 0) => waitUntil(`waiting for ${pattern}`, () => pattern.exec(log().slice(from)) ?? undefined);
    const old = await waitUntil("waiting for the pid file", () => pidIn(pidFile));
    t.after(() => killQuietly(old));
    const [, port] = await said(/Listening at: http:\/\/\S+:(\d+) /);
    server.address = Number(port);
    await waitUntil("waiting for its worker", () => workersOf(old).length === 1);
    const load = kind === "tunicorn" ? startLoad(server) : undefined;

    process.kill(old, "SIGUSR2");
    const successor = await waitUntil("waiting for the new master", () => pidIn(`${pidFile}.2`));
    t.after(() => killQuietly(successor));
    await seenBy(server, successor);
    assert.equal(readFileSync(`/proc/${successor}/environ`, "utf8").includes("TUNICORN_DAEMON"), false);
    assert.match(readFileSync(`/proc/${successor}/status`, "utf8"), /^Umask:\s*0022$/m);

    process.kill(old, "SIGWINCH");
    await said(new RegExp(`\\[${old}\\] \\[INFO\\] graceful stop of workers`));
    await waitUntil("waiting for its last worker to leave", () => workersOf(old).length === 0);
    for (let count = 0; count < 5; count += 1) assert.ok(workersOf(successor).includes((await seen(server)).pid));

    process.kill(old, "SIGHUP");
    await seenBy(server, old);
    process.kill(successor, "SIGTERM");
    await said(new RegExp(`\\[${successor}\\] \\[INFO\\] Shutting down: Master\\.2`));
    await waitUntil("waiting for its end", () => !existsSync(`${pidFile}.2`));
    assert.ok(workersOf(old).includes((await seen(server)).pid));
    await load?.stop();
    assert.deepEqual(load?.counts.failures ?? [], []);
    // The gateway that was sent away is no death.
    assert.doesNotMatch(log(), /gateway died|Traceback/);

    process.kill(old, "SIGTERM");
    await said(new RegExp(`\\[${old}\\] \\[INFO\\] Shutting down: Master\\n`));
    assert.equal((await server.exit()).code, 0);
    await server.nothingLeft();
  });
}
