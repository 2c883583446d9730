/** SIGHUP: everything is read again, and nothing that serves goes before its successor is ready. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS } from "./harness.ts";
import { Client, exchange, get } from "./http-client.ts";
import { ReloadSite, startAsking } from "./reload-site.ts";

for (const kind of KINDS) {
  test(`${kind}: code, environment, number of workers and address after HUP`, async (t) => {
    const site = new ReloadSite(t, { workers: "1", raw_env: '["WHO=first"]' });
    await site.start(kind);
    assert.deepEqual((await site.ask()).slice(0, 2), ["one", "first"]);
    const other = join(site.folder, "other.sock");
    site.code("two");
    site.configure({ workers: "2", raw_env: '["WHO=second"]', bind: `["unix:${other}"]` });
    const from = site.server.lines.length;
    site.server.signal("SIGHUP");
    await site.server.waitForLine(/Hang up: Master$/, from);
    await site.server.waitForLine(/Listening at: unix:.*other\.sock$/, from);
    await waitUntil(
      "waiting for two new workers",
      () => site.server.countLines(/Booting worker/) === 3 && site.server.workers().length === 2,
    );
    assert.deepEqual((await site.ask(other)).slice(0, 2), ["two", "second"]);
    // Gunicorn's thread for its control socket, which is always late.
    const lines = site.server.lines
      .slice(from)
      .map(({ text }) => text.replace(/^.*\] /, ""))
      .filter((text) => !text.startsWith("Control socket"));
    assert.deepEqual(lines.slice(0, 3), ["Handling signal: hup", "Hang up: Master", `Listening at: unix:${other}`]);
    // Gunicorn leaves the file of the address that is not listened on any more.
    await waitUntil("waiting for the old address to go", () => existsSync(site.address) === (kind === "gunicorn"));
  });
}

test("what cannot be used changes nothing, and the log says why; the next HUP is as good as any", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  await site.start("tunicorn");
  const [, , pid] = await site.ask();
  const withdrawn = /reload withdrawn/;
  const lineIn = (lines: readonly string[], pattern: RegExp) =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      lines.join("\n"),
    );

  site.write("def (\n");
  lineIn([...(await site.reloadTo(/SyntaxError/))], withdrawn);
  site.configure({ workers: '"many"' });
  lineIn(await site.reloadTo(/Error: .*many/), withdrawn);
  site.configure({ bind: '["x:zz"]' });
  lineIn(await site.reloadTo(/'zz' is not a valid port number/), withdrawn);
  site.configure({ dirty_workers: "2" });
  lineIn(await site.reloadTo(/setting 'dirty_workers' is not supported yet/), withdrawn);
  site.configure({ worker_class: '"no.such.Class"' });
  lineIn(await site.reloadTo(/class uri 'no.such.Class' invalid or not found/), withdrawn);
  site.configure({ errorlog: '"/nope/log"' });
  lineIn(await site.reloadTo(/isn't writable/), withdrawn);
  site.write("import os\nos._exit(9)\n");
  lineIn(await site.reloadTo(/the nursery died while it ran the configuration/), withdrawn);
  await site.server.waitForLine(/nursery replaced/);
  // Its workers are orphans, which the new nursery replaces.
  await waitUntil(
    "waiting for a worker of the new nursery",
    async () => (await site.ask())[2] !== pid && site.server.workers().length === 1,
  );

  const [, , later] = await site.ask();
  site.code("broken");
  site.configure({ raw_env: '["WHO=nobody"]' });
  const lines = await site.reloadTo(/reload withdrawn, the old workers keep serving/);
  lineIn(lines, /ValueError: the site is broken/);
  assert.deepEqual(await site.ask(), ["one", "None", later, "False"]);

  site.code("two");
  site.configure({ raw_env: '["WHO=me"]' });
  await site.reload();
  assert.deepEqual((await site.ask()).slice(0, 2), ["two", "me"]);
});

test("new code that is never ready: the old one keeps serving", async (t) => {
  const site = new ReloadSite(t, { workers: "2", boot_timeout: "1" });
  await site.start("tunicorn");
  site.code("hanging");
  const lines = await site.reloadTo(/reload withdrawn, the old workers keep serving/);
  assert.ok(
    lines.some((line) => /worker timed out worker=\d+ pid=\d+ booting_s=1\.\d$/.test(line)),
    lines.join("\n"),
  );
  assert.equal((await site.ask())[0], "one");
  site.code("two");
  await site.reload();
  assert.equal((await site.ask())[0], "two");
});

test("a worker forked after a withdrawn reload has the settings and hooks of before", async (t) => {
  const hook = (name: string) => `def post_fork(server, worker):\n    server.log.info("forked by ${name}")\n`;
  const site = new ReloadSite(t, { workers: "1", raw_env: '["WHO=before"]' });
  site.configure({}, hook("before"));
  await site.start("tunicorn");
  site.code("broken");
  site.configure({ raw_env: '["WHO=after"]', bind: `["unix:${site.address}.2"]` }, hook("after"));
  await site.reloadTo(/reload withdrawn/);
  site.code("one");
  const from = site.server.lines.length;
  process.kill(Number((await site.ask())[2]), "SIGKILL");
  await site.server.waitForLine(/forked by before$/, from);
  assert.equal((await site.ask())[1], "before");
  assert.ok(!existsSync(`${site.address}.2`));
});

test("new code with preload_app, too; two HUPs at once end with the newest", async (t) => {
  const site = new ReloadSite(t, { workers: "2", preload_app: "True" });
  await site.start("tunicorn");
  site.code("two");
  await site.reload();
  assert.equal((await site.ask())[0], "two");
  site.code("three");
  site.configure({ workers: "1" });
  site.server.signal("SIGHUP");
  await site.server.waitForLine(/Handling signal: hup/, site.server.lines.length - 1).catch(() => {});
  site.code("four");
  site.configure({ workers: "3" });
  await site.reload();
  await waitUntil("waiting for three workers", () => site.server.workers().length >= 3);
  assert.equal((await site.ask())[0], "four");
});

test("what only the gateway and the master know takes effect for new connections; what only a start can change is named", async (t) => {
  const site = new ReloadSite(t, { workers: "1", keepalive: "30", loglevel: '"warning"' });
  const log = join(site.folder, "access");
  const [pidFile, otherPidFile] = [join(site.folder, "pid"), join(site.folder, "other-pid")];
  const common = { accesslog: `"${log}"`, pidfile: `"${pidFile}"`, loglevel: '"info"' };
  site.configure({ ...common, access_log_format: '"before %(U)s"' });
  await site.start("tunicorn");
  const kept = await Client.connect(site.address);
  t.after(() => kept.close());
  kept.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.equal((await kept.readResponse()).status, 200);
  site.configure({
    ...common,
    access_log_format: '"after %(U)s"',
    limit_request_line: "20",
    keepalive: "0",
    pidfile: `"${otherPidFile}"`,
    loglevel: '"debug"',
    backlog: "7",
  });
  const lines = await site.reload();
  assert.ok(
    lines.includes("[WARNING] setting changed, it takes effect with the next start name=backlog now=2048 then=7"),
    lines.join("\n"),
  );
  assert.deepEqual([existsSync(pidFile), readFileSync(otherPidFile, "utf8")], [false, `${site.server.pid}\n`]);
  // The connection of before has its limits to its end, which its keepalive now is.
  const long = "/123456789012345678901234567890";
  kept.send(get(long));
  assert.equal((await kept.readResponse()).status, 200);
  const refused = await exchange(site.address, get(long));
  assert.equal(refused.status, 414);
  const fresh = await Client.connect(site.address);
  fresh.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.match(await fresh.readToEnd(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close/i);
  await waitUntil("waiting for the access log", () => readFileSync(log, "utf8").includes("after /\n"));
  assert.match(readFileSync(log, "utf8"), /^(?:before \/\n)+after \/1/);
  await site.server.waitForLine(/\[DEBUG\] GET \/$/);
});

test("a log file that the settings move is followed by master, gateway and workers", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  await site.start("tunicorn");
  const log = join(site.folder, "error.log");
  site.configure({ errorlog: `"${log}"`, loglevel: '"debug"' });
  site.server.signal("SIGHUP");
  await waitUntil("waiting for the end of the reload", () => existsSync(log) && /reload done gen=1/.test(readFileSync(log, "utf8")));
  assert.match(readFileSync(log, "utf8"), /Booting worker with pid/);
});

/** Settings of one kind of server each; from every one to the next. */
const TOUR: readonly Readonly<Record<string, string>>[] = [
  { threads: "3" },
  { worker_class: '"asgi"', wsgi_app: '"reload_site:asgi"' },
  { worker_class: '"tornado"' },
  { worker_class: '"asgi"', wsgi_app: '"reload_site:asgi"' },
  { workers: "3" },
  // Not to a class that cuts what it serves when it is told to go.
  { threads: "2", reload_surge: "0" },
  { reload_surge: "2" },
];

test("from any worker class to any other under load: no request fails on an address that stays", async (t) => {
  const site = new ReloadSite(t, { workers: "2" });
  await site.start("tunicorn");
  const load = startAsking(site.address, 4);
  for (const [index, settings] of TOUR.entries()) {
    site.code(`v${index}`);
    site.configure({ ...settings, bind: `["unix:${site.address}", "unix:${site.folder}/${index}.sock"]` });
    await site.reload();
    const answered = load.answers();
    await waitUntil("waiting for answers of the new workers", () => load.answers() > answered + 20);
    assert.equal((await site.ask(join(site.folder, `${index}.sock`)))[0], `v${index}`);
    assert.deepEqual(load.failures, [], `in the change to ${JSON.stringify(settings)}\n${site.server.output()}`);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(site.server.gateway() !== undefined, true);
});

test("a file that the configuration reads by a relative path is found as at the start, whatever chdir says", async (t) => {
  const site = new ReloadSite(t, { workers: "1" });
  writeFileSync(join(site.folder, "who"), "relative");
  const source = `import os\nos.chdir(os.path.dirname(__file__))\nraw_env = ["WHO=" + open("who").read()]\n`;
  site.configure({}, source);
  await site.start("tunicorn");
  await site.reload();
  assert.equal((await site.ask())[1], "relative");
});
