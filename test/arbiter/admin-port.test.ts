import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, fstatSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdminPort } from "../../src/arbiter/admin-port.ts";

function stage(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-test-"));
  const lines: string[] = [];
  const ports: AdminPort[] = [];
  const make = (): AdminPort => {
    const port = new AdminPort({ write: (level, text) => void lines.push(`${level}: ${text}`) });
    port.serve((name) => (name === "page" ? { status: 200, type: "text/plain", body: `of ${ports.indexOf(port)}` } : undefined));
    ports.push(port);
    return port;
  };
  t.after(async () => {
    for (const port of ports) {
      await port.change(settings([]));
      port.end(false, () => {});
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, lines, make };
}

function settings(admin_bind: readonly string[]) {
  return { admin_bind, umask: 0o177, user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
}

/** The port of the last `admin port listening at http://127.0.0.1:43211`. */
function portIn(lines: readonly string[]): number {
  return Number(/^info: admin port listening at http:\/\/127\.0\.0\.1:(\d+)$/.exec(lines.at(-1) ?? "")?.[1]);
}

async function fetchPage(where: { port: number } | { socketPath: string }): Promise<string> {
  return await new Promise((fulfil, reject) => {
    get({ ...where, host: "127.0.0.1", path: "/page", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (data: string) => {
        body += data;
      });
      response.on("end", () => fulfil(body));
    }).on("error", reject);
  });
}

test("addresses of both kinds; a file has the application's umask, and goes with the server", async (t) => {
  const { folder, lines, make } = stage(t);
  const path = join(folder, "admin.sock");
  const port = make();
  await port.start(settings([`unix:${path}`, "127.0.0.1:0"]), undefined);
  assert.equal(lines[0], `info: admin port listening at unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual([await fetchPage({ socketPath: path }), await fetchPage({ port: portIn(lines) })], ["of 0", "of 0"]);
  assert.deepEqual(readdirSync(folder), ["admin.sock"]);
  await new Promise<void>((fulfil) => port.end(true, fulfil));
  assert.ok(existsSync(path));
  port.end(false, () => {});
  assert.ok(!existsSync(path));
});

test("a reload opens what is new before it closes what is gone, and keeps the rest", async (t) => {
  const { folder, lines, make } = stage(t);
  const [one, two, three] = ["1", "2", "3"].map((name) => `unix:${join(folder, name)}`) as [string, string, string];
  const port = make();
  await port.start(settings([one, two]), undefined);
  const kept = statSync(join(folder, "2")).ino;
  await port.change(settings([two, three, `unix:${folder}/none/such`]));
  assert.deepEqual(
    ["1", "2", "3"].map((name) => existsSync(join(folder, name))),
    [false, true, true],
  );
  assert.equal(statSync(join(folder, "2")).ino, kept);
  assert.match(lines.at(-1) ?? "", /^error: admin port cannot listen at .*\/none\/such: .*(ENOENT|EACCES)/);
});

test("what a dead server left behind is removed, what is another's or no socket is not", async (t) => {
  const { folder, lines, make } = stage(t);
  const [stale, taken, file] = ["stale", "taken", "file"].map((name) => join(folder, name)) as [string, string, string];
  await make().start(settings([`unix:${taken}`]), undefined);
  writeFileSync(file, "precious");
  // As after kill -9: the file stays when the socket goes.
  spawnSync(
    process.execPath,
    ["-e", `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 9))`],
    {
      stdio: "ignore",
    },
  );
  const port = make();
  await port.change(settings([`unix:${stale}`, `unix:${taken}`, `unix:${file}`]));
  assert.equal(await fetchPage({ socketPath: stale }), "of 1");
  assert.equal(await fetchPage({ socketPath: taken }), "of 0");
  assert.ok(lines.includes(`error: Connection in use: ${taken}`));
  assert.ok(lines.includes(`error: admin port cannot listen at ${file}: '${file}' is not a socket`));
});

test("the sockets that a successor could take over have their descriptors", async (t) => {
  const { folder, make } = stage(t);
  const addresses = [`unix:${join(folder, "admin.sock")}`, "127.0.0.1:0"];
  const port = make();
  await port.start(settings(addresses), undefined);
  assert.deepEqual(
    port.sockets.map(({ address }) => address),
    addresses,
  );
  for (const { fd } of port.sockets) assert.ok(fstatSync(fd).isSocket());
});

test("a socket file belongs to user and group", async (t) => {
  const { folder, make } = stage(t);
  // Only root can give files away.
  const owner =
    process.geteuid?.() === 0 ? { user: 65534, group: 65533 } : { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
  await make().start({ ...settings([`unix:${join(folder, "admin.sock")}`]), ...owner }, undefined);
  const { uid, gid } = statSync(join(folder, "admin.sock"));
  assert.deepEqual({ user: uid, group: gid }, owner);
});

test("a successor that cannot have an address starts all the same", async (t) => {
  const { folder, lines, make } = stage(t);
  await make().start(settings([`unix:${folder}/none/such`]), []);
  assert.match(lines.at(-1) ?? "", /^error: admin port cannot listen at /);
});

test("a busy port ends the start after five attempts", { timeout: 60_000 }, async (t) => {
  const { lines, make } = stage(t);
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((fulfil) => other.once("listening", fulfil));
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  await assert.rejects(make().start(settings([`127.0.0.1:${port}`]), undefined), {
    message: `cannot listen at the admin address 127.0.0.1:${port}`,
  });
  assert.equal(lines.filter((line) => line === `error: Connection in use: ('127.0.0.1', ${port})`).length, 5);
});
