/** `user`, `group`, `initgroups`, `umask`: who the processes are, what they may and whose the files are that they make. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { certificateFile } from "./certificates.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { APPS, KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

interface Facts {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

const ROOT = 0;
const NOBODY = 65534;
/** Larger than what is kept in memory. */
const SPOOLED_BYTES = 3 * 1024 * 1024;

/** A folder that anybody may enter, where only root may make files, with the application and a place for spools in it. */
function openFolder(scope: Scope): { readonly folder: string; readonly env: Record<string, string> } {
  const folder = temporaryFolder(scope);
  chmodSync(folder, 0o755);
  cpSync(join(APPS, "identity_site.py"), join(folder, "identity_site.py"));
  const spools = join(folder, "tmp");
  mkdirSync(spools);
  chmodSync(spools, 0o1777);
  return { folder, env: { TMPDIR: spools, HOME: folder } };
}

/** Gunicorn's workers import more than is there already, and Python's library may stand where nobody may read. */
const importsFirst = (kind: ServerKind): string[] => (kind === "gunicorn" ? ["--preload"] : []);

async function factsOf(server: Server): Promise<Facts> {
  const { status, body } = await server.exchange(get("/"));
  assert.equal(status, 200, body);
  return JSON.parse(body) as Facts;
}

async function start(scope: Scope, kind: ServerKind, flags: readonly string[], more: { readonly bind?: string } = {}): Promise<Server> {
  const { folder, env } = openFolder(scope);
  return await Server.start(scope, kind, {
    args: [...flags, ...importsFirst(kind), "identity_site:application"],
    cwd: folder,
    env,
    ...more,
  });
}

/** Real, effective and saved user ids, and the supplementary groups, as /proc shows them. */
function credentials(pid: number): { readonly uids: readonly number[]; readonly groups: readonly number[] } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const numbers = (name: string) =>
    (new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1] ?? "").trim().split(/\s+/).filter(Boolean).map(Number);
  return { uids: numbers("Uid").slice(0, 3), groups: numbers("Groups") };
}

const owner = (path: string) => [statSync(path).uid, statSync(path).gid];

/** A request with a body, over a connection of its own. */
async function upload(server: Server, bytes: number): Promise<string> {
  const client = await server.connect();
  try {
    client.send(`POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`);
    return (await client.readResponse()).body;
  } finally {
    client.close();
  }
}

const AS_NOBODY = ["-u", "nobody", "-g", "nogroup"];
/** What Docker leaves root by default: no CAP_SYS_PTRACE, no CAP_SYS_ADMIN, no CAP_DAC_READ_SEARCH. */
const CONTAINER_CAPABILITIES = [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
];

/** Ways to start a server whose workers are nobody. */
const STARTS: readonly { started: string; flags: readonly string[]; through?: readonly string[]; logsMode?: number }[] = [
  { started: "by root, in a folder where only root may make files", flags: AS_NOBODY },
  {
    started: "by root without CAP_SYS_PTRACE",
    flags: AS_NOBODY,
    through: ["setpriv", `--bounding-set=-all,${CONTAINER_CAPABILITIES.map((name) => `+${name}`).join(",")}`],
  },
  {
    started: "by nobody",
    flags: [],
    through: ["setpriv", "--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"],
    logsMode: 0o1777,
  },
];

/** CN of the certificate that a server shows. */
async function shownBy(server: Server): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: Number(server.address), rejectUnauthorized: false });
  await withDeadline<void>("shaking hands", (resolve, reject) => {
    socket.once("secureConnect", () => resolve()).once("error", reject);
  });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

function testsOfRoot(): void {
  for (const kind of KINDS) {
    for (const flags of [
      ["-u", "nobody", "-g", "nogroup"],
      ["-u", String(NOBODY), "-g", String(NOBODY), "--initgroups"],
      ["-u", "12345", "-g", "12346", "--initgroups", "--preload"],
      ["-g", "nogroup"],
      ["-u", "root", "-g", "root"],
    ]) {
      test(`${kind} ${flags.join(" ")}: who workers are`, async (t) => {
        const server = await start(t, kind, flags);
        const { uid, gid } = await factsOf(server);
        const expected: Record<string, [number, number]> = { nobody: [NOBODY, NOBODY], [NOBODY]: [NOBODY, NOBODY], 12345: [12345, 12346] };
        // Gunicorn forgets the group over `initgroups`.
        if (kind === "gunicorn" && flags[1] === String(NOBODY)) assert.deepEqual([uid, gid], [NOBODY, ROOT]);
        else assert.deepEqual([uid, gid], expected[flags[1] ?? ""] ?? [ROOT, flags.includes("nogroup") ? NOBODY : ROOT]);
        assert.equal(credentials(server.pid).uids[0], ROOT);
      });
    }

    if (kind === "tunicorn") {
      test("a key that only root may read serves users' gateways, after a change too", async (t) => {
        const { folder, env } = openFolder(t);
        const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
        const put = (name: string) => {
          cpSync(certificateFile(`${name}.pem`), cert);
          cpSync(certificateFile(`${name}.key`), key);
          chmodSync(key, 0o400);
        };
        put("server");
        const args = ["-u", "nobody", "-g", "nogroup", "--certfile", cert, "--keyfile", key, "identity_site:application"];
        const server = await Server.start(t, kind, { args, cwd: folder, env });
        // Served, so the gateway has its settings and has given up root's rights.
        assert.equal(await shownBy(server), "localhost");
        assert.deepEqual([owner(key)[0], credentials(server.gateway() ?? 0).uids], [ROOT, [NOBODY, NOBODY, NOBODY]]);
        put("other");
        await waitUntil("waiting for the other certificate", async () => (await shownBy(server)) === "other.example");
      });
    }

    test(`${kind}: files that root makes are the worker's: logs, unix socket; umask`, async (t) => {
      const folder = temporaryFolder(t);
      chmodSync(folder, 0o755);
      const path = join(folder, "socket");
      const logs = [join(folder, "error"), join(folder, "access")] as const;
      const { folder: cwd, env } = openFolder(t);
      const flags = ["-u", "nobody", "-g", "nogroup", "-m", "0117", "--error-logfile", logs[0], "--access-logfile", logs[1]];
      const server = Server.spawn(t, kind, {
        args: [...flags, ...importsFirst(kind), "identity_site:application"],
        cwd,
        env,
        bind: `unix:${path}`,
      });
      server.address = path;
      await waitUntil("waiting for the boot", () => existsSync(logs[0]) && /Booting worker/.test(readFileSync(logs[0], "utf8")));
      assert.equal((await factsOf(server)).uid, NOBODY);
      for (const file of [path, ...logs]) assert.deepEqual(owner(file), [NOBODY, NOBODY], file);
      assert.equal(statSync(path).mode & 0o777, 0o660);
    });
  }

  test("the gateway is nobody as well, without root's groups; arbiter and nursery stay root", async (t) => {
    const server = await start(t, "tunicorn", ["-u", "nobody", "-g", "nogroup"]);
    await factsOf(server);
    assert.deepEqual(credentials(server.gateway() ?? 0), { uids: [NOBODY, NOBODY, NOBODY], groups: [NOBODY] });
    for (const pid of [server.pid, server.nursery() ?? 0]) assert.deepEqual(credentials(pid).uids, [ROOT, ROOT, ROOT]);
  });

  for (const { started, flags, through = [], logsMode = 0o755 } of STARTS) {
    test(`${started}: a file, a spooled upload, HUP, rotated logs, a killed gateway`, async (t) => {
      const logs = temporaryFolder(t);
      chmodSync(logs, logsMode);
      const [errors, accesses] = [join(logs, "error"), join(logs, "access")];
      const { folder, env } = openFolder(t);
      const args = [...flags, "-w", "2", "--error-logfile", errors, "--access-logfile", accesses];
      const server = Server.spawn(t, "tunicorn", {
        args: [...args, "identity_site:application"],
        cwd: folder,
        env,
        bind: `unix:${logs}/socket`,
        through,
      });
      server.address = `${logs}/socket`;
      const lines = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
      await waitUntil("waiting for two workers", () => (lines(errors).match(/Booting worker/g) ?? []).length === 2);

      const file = await server.exchange(get("/file"));
      assert.equal(file.body, readFileSync(join(folder, "identity_site.py"), "utf8"));
      assert.equal(await upload(server, SPOOLED_BYTES), String(SPOOLED_BYTES));
      const before = (await factsOf(server)).pid;

      server.signal("SIGHUP");
      await waitUntil("waiting for the reload", () => /reload done/.test(lines(errors)));
      const after = await factsOf(server);
      assert.notEqual(after.pid, before);
      assert.equal(after.uid, NOBODY);

      for (const path of [errors, accesses]) renameSync(path, `${path}.1`);
      server.signal("SIGUSR1");
      await waitUntil("waiting for new logs with new lines", async () => {
        await factsOf(server);
        return /"GET \/ HTTP/.test(lines(accesses)) && existsSync(errors);
      });
      for (const path of [errors, accesses]) assert.deepEqual(owner(path), [NOBODY, NOBODY]);

      const killed = server.gateway() ?? assert.fail("no gateway");
      process.kill(killed, "SIGKILL");
      await waitUntil("waiting for another gateway", () => {
        const gateway = server.gateway();
        return gateway !== undefined && gateway !== killed && credentials(gateway).uids[0] === NOBODY;
      });
      assert.equal((await factsOf(server)).uid, NOBODY);
      assert.doesNotMatch(lines(errors) + lines(`${errors}.1`), /cannot (?:reopen|spool|become)|Traceback|EACCES|EPERM/);
    });
  }

  test("a direct worker that is nobody beats and serves", async (t) => {
    const { folder, env } = openFolder(t);
    cpSync(join(APPS, "third_party.py"), join(folder, "third_party.py"));
    const args = ["-u", "nobody", "-g", "nogroup", "--timeout", "3", "-k", "third_party.PlainWorker", "third_party"];
    const server = await Server.start(t, "tunicorn", { args, cwd: folder, env: { ...env, PYTHONPATH: folder } });
    const { status } = await server.exchange(get("/"));
    assert.equal(status, 200);
    const [worker = 0] = server.workers();
    assert.deepEqual(credentials(worker).uids, [NOBODY, NOBODY, NOBODY]);
    assert.equal(server.countLines(/PermissionError|WORKER TIMEOUT/), 0);
  });

  test("a random user without a name, on a file system where nothing can be written", async (t) => {
    const { folder, env } = openFolder(t);
    const script =
      'mount --make-rprivate / && mount -o remount,ro,bind / && exec setpriv --reuid 987654 --regid 987654 --clear-groups "$@"';
    const through = ["unshare", "-m", "sh", "-c", script, "sh"];
    assert.equal(spawnSync("unshare", ["-m", "sh", "-c", script, "sh", "true"]).status, 0, "this test needs a mount namespace");
    const args = ["-w", "2", "identity_site:application"];
    const server = await Server.start(t, "tunicorn", { args, cwd: folder, env: { ...env, TMPDIR: "/tmp" }, through });
    assert.deepEqual((await factsOf(server)).uid, 987654);
    assert.equal((await server.exchange(get("/file"))).status, 200);
    assert.equal(await upload(server, SPOOLED_BYTES), String(SPOOLED_BYTES));
    server.signal("SIGHUP");
    await server.waitForLine(/reload done gen=1 workers=2/);
    server.signal("SIGUSR1");
    await server.waitForLine(/Handling signal: usr1/);
    assert.equal((await factsOf(server)).uid, 987654);
    const killed = server.gateway() ?? assert.fail("no gateway");
    process.kill(killed, "SIGKILL");
    await server.waitForLine(/gateway died, starting another/);
    await waitUntil("waiting for another gateway", () => (server.gateway() ?? killed) !== killed);
    assert.equal((await server.exchange(get("/file"))).status, 200);
    assert.doesNotMatch(server.output(), /EACCES|EPERM|Traceback/);
  });
}

if (process.getuid?.() === ROOT) testsOfRoot();

/** Who may not become another user is told so, and the exit code is Gunicorn's. Root may everything else still: read Python's library. */
for (const kind of KINDS) {
  test(`${kind}: a user whom this one may not become ends the start`, async (t) => {
    const { folder, env } = openFolder(t);
    const through = process.getuid?.() === ROOT ? ["setpriv", "--bounding-set=-setuid,-setgid"] : [];
    const args = ["-u", "nobody", "-g", "nogroup", "identity_site:application"];
    const server = Server.spawn(t, kind, { args, cwd: folder, env, through });
    await server.waitForLine(/PermissionError: \[Errno 1\] Operation not permitted/);
    assert.equal((await server.exit()).code, 3);
  });
}
