/** The files of docs/systemd.md do what the page says. A stand-in for systemd obeys them, with other paths, ports and users. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import { Notes, withSockets } from "./service-manager.ts";
import { APPLICATION, end, endLast } from "./upgrade.ts";

const PAGE = readFileSync(new URL("../../docs/systemd.md", import.meta.url), "utf8");
const LAUNCHER = new URL("../../bin/tunicorn", import.meta.url).pathname;

/** What the stand-in obeys, and what is about users, boots and time limits, which it cannot. */
const OBEYED = ["Type", "NotifyAccess", "WorkingDirectory", "Environment", "ExecStart", "ExecReload", "WatchdogSec", "ListenStream"];
const PASSED_OVER = [
  "Description",
  "Requires",
  "After",
  "User",
  "Group",
  "KillMode",
  "TimeoutStopSec",
  "Restart",
  "WantedBy",
  "SocketUser",
];

type Unit = Readonly<Record<string, readonly string[]>>;

/** The block of the page that has this line. */
function block(line: string): string {
  const found = [...PAGE.matchAll(/```\w+\n([\s\S]*?)```/g)].map(([, text = ""]) => text).filter((text) => text.split("\n").includes(line));
  assert.equal(found.length, 1, line);
  return found[0] ?? "";
}

function readUnit(name: string): Unit {
  const unit: Record<string, string[]> = {};
  for (const line of block(`# /etc/systemd/system/${name}`).split("\n")) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    assert.ok([...OBEYED, ...PASSED_OVER].includes(key), `the stand-in does not know ${key}`);
    unit[key] = [...(unit[key] ?? []), value];
  }
  return unit;
}

/** `/srv/shop` with two releases; `current` leads to the first. */
function makeShop(t: TestContext) {
  const shop = temporaryFolder(t);
  for (const release of [1, 2]) {
    const folder = join(shop, `release${release}`);
    mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
    writeFileSync(join(folder, "app.py"), `${APPLICATION.replace("RELEASE = 1", `RELEASE = ${release}`)}\napp = application\n`);
    symlinkSync(LAUNCHER, join(folder, "node_modules/.bin/tunicorn"));
  }
  const current = join(shop, "current");
  symlinkSync(join(shop, "release1"), current);
  return { shop, current };
}

interface Answer {
  readonly release: number;
  readonly variables: Readonly<Record<string, string>>;
}

async function ask(address: number | string): Promise<Answer> {
  const { status, body } = await exchange(address, get("/"));
  assert.equal(status, 200);
  const { release, variables } = JSON.parse(body);
  return { release, variables };
}

test("shop.socket and shop.service: start, reload, upgrade to the release that the link leads to, stop", async (t) => {
  const [socketUnit, unit] = [readUnit("shop.socket"), readUnit("shop.service")];
  const { shop, current } = makeShop(t);
  const here = (text = "") => text.replaceAll("/srv/shop", shop).replaceAll("/run/", `${shop}/`);
  const sockets = (socketUnit.ListenStream ?? []).map((stream) => (stream.startsWith("/") ? `unix:${here(stream)}` : "tcp"));
  assert.deepEqual([unit.Type, unit.NotifyAccess, sockets], [["notify"], ["main"], ["tcp", `unix:${shop}/shop.sock`]]);
  const notes = await Notes.listen(t, join(shop, "notify"));
  const [command = "", ...args] = here(unit.ExecStart?.[0]).split(" ");
  const environment = Object.fromEntries((unit.Environment ?? []).map((entry) => here(entry).split(/=(.*)/, 2)));
  const env = { ...environment, NOTIFY_SOCKET: join(shop, "notify"), WATCHDOG_USEC: `${Number(unit.WatchdogSec?.[0]) * 1e6}` };
  const through = [...withSockets(...sockets), ...instead(command)];
  const server = await Server.start(t, "tunicorn", { args, bind: null, cwd: here(unit.WorkingDirectory?.[0]), env, through });
  const [, port] = await server.waitForLine(/Listening at: http:\/\/\S+?:(\d+),/);
  await notes.wait(/READY=1/);
  for (const address of [Number(port), join(shop, "shop.sock")]) assert.deepEqual(await ask(address), { release: 1, variables: {} });

  const reload = spawn("/bin/sh", ["-c", unit.ExecReload?.[0] ?? ""], { env: { PATH: process.env.PATH, MAINPID: String(server.pid) } });
  assert.deepEqual(await once(reload, "exit"), [0, null]);
  await notes.wait(/^READY=1\nSTATUS=Reloaded$/, 1);

  rmSync(current);
  symlinkSync(join(shop, "release2"), current);
  server.signal("SIGUSR2");
  const old = server.pid;
  await waitUntil("waiting for the new release to answer", async () => (await ask(Number(port))).release === 2);
  assert.ok(notes.all.every(({ pid }) => pid === old));
  await end(server, old);
  const { text } = await notes.wait(/^MAINPID=\d+$/);
  const successor = Number(text.split("=")[1]);
  t.after(() => killQuietly(successor));
  await waitUntil("waiting for the new master's word", () =>
    notes.all.some(({ pid, text }) => pid === successor && text.startsWith("READY=1")),
  );
  await waitUntil("waiting for a worker that was not there before", async () => {
    const { release, variables } = await ask(join(shop, "shop.sock"));
    return release === 2 && variables.NOTIFY_SOCKET === undefined;
  });
  await endLast(server, successor);
  await notes.wait(/^STOPPING=1/);
});

test("supervisord's program", async (t) => {
  const { shop } = makeShop(t);
  const folder = join(shop, "release1");
  const [, line = ""] = /^command=(.*)$/m.exec(block("[program:shop]")) ?? [];
  const [command = "", ...args] = line.replaceAll("/srv/shop", folder).replace(":8000", ":0").split(" ");
  assert.ok(block("[program:shop]").includes("\ndirectory=/srv/shop\nuser=shop\n"));
  const server = await Server.start(t, "tunicorn", { args, bind: null, cwd: folder, through: instead(command) });
  assert.deepEqual(await ask(server.address), { release: 1, variables: {} });
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test("runit's script", async (t) => {
  const { shop } = makeShop(t);
  const script = join(shop, "run");
  const text = block("cd /srv/shop || exit 1")
    .replaceAll("/srv/shop", join(shop, "release1"))
    .replace(":8000", ":0")
    .replace("chpst -u shop ", "");
  writeFileSync(script, text, { mode: 0o755 });
  const server = await Server.start(t, "tunicorn", { args: [], bind: null, cwd: "/", through: instead(script) });
  assert.deepEqual(await ask(server.address), { release: 1, variables: {} });
  assert.deepEqual(server.output("stderr"), "");
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

/** Runs this command where the harness would run its own. */
function instead(command: string): string[] {
  return ["/bin/sh", "-c", 'shift; exec "$0" "$@"', command];
}
