/** Where the control socket is: several servers, dead ones, upgrades, reloads, and machines where nothing may be written. */

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Controlled, runClient } from "./control.ts";
import { waitUntil } from "./deadline.ts";
import { APPS, Server, type StartOptions, temporaryFolder } from "./harness.ts";
import { ReloadSite } from "./reload-site.ts";
import { end, start as startUpgrading, upgrade } from "./upgrade.ts";

const SAYS_WHERE = /\[(?:INFO|WARNING)\] Control socket listening at (\S+?)(?:, (.*))?$/;

/** A server that is told nothing of its control socket. @returns where it says that it is. */
async function startWith(t: TestContext, env: Readonly<Record<string, string>>, more: Partial<StartOptions> = {}) {
  const server = await Server.start(t, "tunicorn", { args: ["cases:application"], ...more, env: { ...env, ...more.env } });
  const [line, path = "", why] = await server.waitForLine(SAYS_WHERE);
  return { server, line, path, why, pid: server.pid };
}

test("two servers of one user: neither takes the other's socket, the client finds both; a dead server's is taken", async (t) => {
  const folder = temporaryFolder(t);
  const env = { XDG_RUNTIME_DIR: folder, HOME: folder, TMPDIR: folder };
  const first = await startWith(t, env);
  const second = await startWith(t, env);
  assert.deepEqual([first.path, second.path], [join(folder, "tunicorn.ctl"), join(folder, `tunicorn.${second.pid}.ctl`)]);
  assert.deepEqual([first.why, second.why], [undefined, undefined]);
  for (const { path, pid } of [first, second]) assert.equal((await new Controlled(path).ask("show stats")).pid, pid);
  const found = await runClient("tunicornc", ["-c", "show stats", "-j"], { env });
  assert.equal(JSON.parse(found.stdout).pid, first.pid);
  assert.equal(found.stderr, `Several servers run: this is ${first.path}, -s names another: ${second.path}\n`);

  first.server.signal("SIGKILL");
  await first.server.exit();
  assert.ok(existsSync(first.path));
  const other = await runClient("tunicornc", ["-c", "show stats", "-j"], { env });
  assert.deepEqual([JSON.parse(other.stdout).pid, other.stderr], [second.pid, ""]);
  const third = await startWith(t, env);
  assert.equal(third.path, first.path);
  assert.equal((await new Controlled(third.path).ask("show stats")).pid, third.pid);

  // What a killed server has left under a name of its own goes with the next start.
  second.server.signal("SIGKILL");
  await second.server.exit();
  await third.server.stop();
  const fourth = await startWith(t, env);
  assert.deepEqual(readdirSync(folder), ["tunicorn.ctl"]);
  await fourth.server.stop();
  assert.deepEqual(readdirSync(folder), []);
  const none = await runClient("tunicornc", ["-c", "show stats"], { env });
  assert.deepEqual([none.code, none.stderr], [1, `Error: Failed to connect to ${first.path}: [Errno 2] No such file or directory\n`]);
});

test("something else at its place is left alone, and the server serves", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "app.ctl");
  writeFileSync(path, "mine");
  const { server } = await startWith(
    t,
    { XDG_RUNTIME_DIR: join(folder, "none") },
    { args: ["--control-socket", path, "cases:application"] },
  );
  const [line] = await server.waitForLine(
    /\[WARNING\] Control socket listening at .*tunicorn\S*\.ctl, cannot make .*app\.ctl: .* is there and is no socket$/,
  );
  assert.ok(line);
  assert.ok(lstatSync(path).isFile());
});

test("USR2: the successor has a socket of its own, and the one that all know when it is alone", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "app.ctl");
  const upgrading = await startUpgrading(t, "tunicorn", { args: ["--control-socket", path] });
  const { server } = upgrading;
  const successor = await upgrade(t, upgrading);
  const own = new Controlled(join(folder, `app.${successor}.ctl`));
  assert.equal((await own.ask("show stats")).pid, successor);
  assert.equal((await new Controlled(path).ask("show stats")).pid, server.pid);
  await end(server, server.pid);
  await server.waitForLine(new RegExp(`\\[${successor}\\] \\[INFO\\] Control socket listening at ${path}$`));
  assert.equal((await new Controlled(path).ask("show stats")).pid, successor);
  await waitUntil("waiting for the name of its own to go", () => !existsSync(own.path));
  assert.deepEqual(await new Controlled(path).ask("shutdown"), { status: "shutting_down", mode: "graceful" });
  await server.nothingLeft();
  assert.deepEqual(readdirSync(folder), []);
});

test("HUP: another path, another mode, none at all; a reload that is withdrawn brings the old one back", async (t) => {
  const folder = temporaryFolder(t);
  const [one, two] = [join(folder, "one.ctl"), join(folder, "two.ctl")];
  const site = new ReloadSite(t, {});
  site.configure({ control_socket: `"${one}"` });
  const server = await site.start("tunicorn");
  await server.waitForLine(new RegExp(`Control socket listening at ${one}$`));

  site.configure({ control_socket: `"${two}"`, control_socket_mode: "0o660" });
  assert.equal((await new Controlled(one).ask("reload --wait")).status, "reloaded");
  await server.waitForLine(new RegExp(`Control socket listening at ${two}$`));
  assert.deepEqual([existsSync(one), lstatSync(two).mode & 0o777], [false, 0o660]);

  // Somebody has cleared the directory: a reload makes it anew.
  rmSync(two);
  const from = server.lines.length;
  server.signal("SIGHUP");
  await server.waitForLine(new RegExp(`Control socket listening at ${two}$`), from);
  assert.equal((await new Controlled(two).ask("show stats")).pid, server.pid);

  site.configure({ control_socket: `"${one}"`, wsgi_app: '"nowhere:application"' });
  assert.match((await new Controlled(two).run("reload --wait")).stderr, /ModuleNotFoundError: No module named 'nowhere'/);
  await waitUntil("waiting for the old place", () => !existsSync(one) && existsSync(two));

  site.configure({ control_socket_disable: "True" });
  await new Controlled(two).ask("reload --wait");
  await waitUntil("waiting for the socket to go", () => !existsSync(two));
});

test("--no-control-socket: there is none", async (t) => {
  const folder = temporaryFolder(t);
  const options = { args: ["--no-control-socket", "--log-level", "debug", "cases:application"], env: { XDG_RUNTIME_DIR: folder } };
  const server = await Server.start(t, "tunicorn", options);
  await server.waitForLine(/\[DEBUG\] Control socket disabled$/);
  await server.stop();
  assert.deepEqual(readdirSync(folder), []);
});

/** A user whom nobody knows; another one for each run, because what it may not touch stands in directories that all share. */
const SOMEBODY = 700_000 + (process.pid % 100_000);
const AS_SOMEBODY = ["setpriv", `--reuid=${SOMEBODY}`, `--regid=${SOMEBODY}`, "--clear-groups"];
const SHARED_MEMORY = `/dev/shm/tunicorn-${SOMEBODY}`;

/** A folder that anybody may read and nobody but root may write to, with the application. */
function readOnlyFolder(t: TestContext): string {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  copyFileSync(join(APPS, "identity_site.py"), join(folder, "identity_site.py"));
  mkdirSync(join(folder, "tmp"), { mode: 0o755 });
  t.after(() => rmSync(SHARED_MEMORY, { recursive: true, force: true }));
  return folder;
}

for (const { what, blocked, expected } of [
  { what: "a directory in shared memory", blocked: false, expected: `${SHARED_MEMORY}/tunicorn.ctl` },
  { what: "the abstract namespace, where nothing may be written at all", blocked: true, expected: `@tunicorn.${SOMEBODY}.` },
]) {
  test(`a random user with a home that is read-only: one line, and ${what}`, async (t) => {
    assert.equal(process.getuid?.(), 0, "only root may become anybody");
    const folder = readOnlyFolder(t);
    // Root's own, so not this user's: as good as nothing.
    if (blocked) mkdirSync(SHARED_MEMORY, { mode: 0o700 });
    const env = { HOME: folder, TMPDIR: join(folder, "tmp"), XDG_RUNTIME_DIR: "", PYTHONDONTWRITEBYTECODE: "1" };
    const options = { args: ["--preload", "identity_site:application"], cwd: folder, through: AS_SOMEBODY };
    const { server, path, why, line } = await startWith(t, env, options);
    assert.ok(path.startsWith(expected), path);
    assert.match(line, /\[INFO\]/);
    assert.equal(why, `cannot make ${folder}/.gunicorn/tunicorn.ctl: permission denied`);
    assert.equal(server.countLines(/ontrol socket|\[WARNING\]|\[ERROR\]/), 1);

    const asked = await runClient("tunicornc", ["-c", "show stats", "-j"], { env, through: AS_SOMEBODY });
    assert.deepEqual([asked.stderr, JSON.parse(asked.stdout).pid], ["", server.pid]);
    const byRoot = await runClient("tunicornc", ["-s", path, "-c", "show stats", "-j"]);
    assert.equal(JSON.parse(byRoot.stdout).pid, server.pid);
    const stranger = ["setpriv", `--reuid=${SOMEBODY + 1}`, `--regid=${SOMEBODY + 1}`, "--clear-groups"];
    const refused = await runClient("tunicornc", ["-s", path, "-c", "shutdown"], { through: stranger });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, blocked ? /Communication error: Connection closed/ : /\[Errno 13\] Permission denied/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    if (!blocked) assert.ok(!existsSync(SHARED_MEMORY), "something is left");
  });
}
