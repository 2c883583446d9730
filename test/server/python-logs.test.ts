/** Logs that a Python logger writes: logger_class, logconfig*, syslog, capture_output, beside Gunicorn. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./deadline.ts";
import { KINDS, PYTHON, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { runToEnd } from "./run-to-end.ts";

/** Filters health checks, the recipe that most people come with; has a mark of its own, so that its lines can be told from others. */
const FILTERING = `
from gunicorn.glogging import Logger

class Filtering(Logger):
    def access(self, resp, req, environ, request_time):
        if environ.get("PATH_INFO") != "/empty":
            super().access(resp, req, environ, request_time)

    def info(self, msg, *args, **kwargs):
        super().info("mine: " + msg, *args, **kwargs)

logger_class = Filtering
accesslog = "-"
access_log_format = "access %(h)s %(r)s %(s)s %(b)s %({content-type}o)s %({x-a}i)s %({raw_uri}e)s %({x-lower}o)s"
`;

/** Messages and access lines go to files of their own, one line for each, whatever names the logger. */
const DICTIONARY = (errors: string, access: string, mark: string) => ({
  root: { level: "WARNING", handlers: [] },
  formatters: {
    message: { format: `${mark}|%(levelname)s|%(process)d|%(message)s` },
    access: { format: `${mark}|%(name)s|%(message)s` },
  },
  handlers: {
    errors: { class: "logging.FileHandler", filename: errors, formatter: "message" },
    access: { class: "logging.FileHandler", filename: access, formatter: "access" },
  },
  loggers: {
    "gunicorn.error": { level: "INFO", handlers: ["errors"], propagate: false },
    "gunicorn.access": { level: "INFO", handlers: ["access"], propagate: false },
  },
});

const INI = (errors: string, access: string) => `
[loggers]
keys = root, gunicorn.error, gunicorn.access
[handlers]
keys = errors, access
[formatters]
keys = message, access
[logger_root]
level = WARNING
handlers =
[logger_gunicorn.error]
level = INFO
handlers = errors
propagate = 0
qualname = gunicorn.error
[logger_gunicorn.access]
level = INFO
handlers = access
propagate = 0
qualname = gunicorn.access
[handler_errors]
class = FileHandler
formatter = message
args = (${JSON.stringify(errors)},)
[handler_access]
class = FileHandler
formatter = access
args = (${JSON.stringify(access)},)
[formatter_message]
format = ini|%(levelname)s|%(process)d|%(message)s
[formatter_access]
format = ini|%(name)s|%(message)s
`;

function configFile(scope: Scope, text: string, name = "conf.py"): string {
  const path = join(temporaryFolder(scope), name);
  writeFileSync(path, text);
  return path;
}

async function linesOf(file: string, wanted: RegExp): Promise<string[]> {
  return await waitUntil(`waiting for ${wanted} in ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return wanted.test(text) ? text.split("\n").filter((line) => line !== "") : undefined;
  });
}

/** Waits until it serves, whatever its log says, at a unix socket. */
async function serve(t: Scope, kind: ServerKind, args: readonly string[], app = "cases"): Promise<Server> {
  const path = join(temporaryFolder(t), "socket");
  const server = Server.spawn(t, kind, { args: [...args, app], bind: `unix:${path}` });
  server.address = path;
  await server.listening();
  return server;
}

/** Pids, versions and addresses replaced; without what only one server says. */
function worded(lines: readonly string[], server: Server): string[] {
  return lines
    .map((line) =>
      line
        .replace(new RegExp(`\\b${server.pid}\\b`, "g"), "MASTER")
        .replace(/\|\d+\|/, "|WORKER|")
        .replace(/pid: ?\d+/, "pid: PID")
        .replace(/(?:gunicorn|tunicorn) \d\S*/, "SERVER VERSION")
        .replace(/unix:\S+/, "ADDRESS"),
    )
    .filter((line) => !line.includes("Control socket listening"));
}

for (const kind of KINDS) {
  test(`${kind}: a subclass of Logger writes both logs`, async (t) => {
    const server = await Server.start(t, kind, { args: ["-c", configFile(t, FILTERING), "cases"] });
    await server.exchange(get("/headers?x=1", "X-A: 2\r\n"));
    await server.exchange(get("/empty"));
    await server.exchange(get("/generator"));
    await server.waitForLine(/generator/);
    const stdout = server.output("stdout").trimEnd().split("\n");
    assert.deepEqual(stdout, [
      "access 127.0.0.1 GET /headers?x=1 HTTP/1.1 200 2 text/plain 2 /headers?x=1 trimmed",
      "access 127.0.0.1 GET /generator HTTP/1.1 200 11 text/plain - /generator -",
    ]);
    server.signal("SIGTERM");
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    for (const text of ["Starting", "Listening at", "Using worker: sync", "Booting worker", "Handling signal: term", "Worker exiting"])
      assert.match(server.output("stderr"), new RegExp(`\\[INFO\\] mine: ${text}`), `${text} in ${server.output("stderr")}`);
    assert.match(server.output("stderr"), new RegExp(`\\[${server.pid}\\] \\[INFO\\] mine: Shutting down: Master`));
  });

  for (const way of ["logconfig_dict", "logconfig_json", "logconfig"] as const) {
    test(`${kind}: ${way}`, async (t) => {
      const folder = temporaryFolder(t);
      const [errors, access] = [join(folder, "errors"), join(folder, "access")];
      const dictionary = JSON.stringify(DICTIONARY(errors, access, "ini"));
      const text = `import json\nlogconfig_dict = json.loads(${JSON.stringify(dictionary)})\n`;
      const args = {
        logconfig_dict: () => ["-c", configFile(t, text)],
        logconfig_json: () => ["--log-config-json", configFile(t, dictionary, "log.json")],
        logconfig: () => ["--log-config", configFile(t, INI(errors, access), "log.ini")],
      }[way]();
      const server = await serve(t, kind, args);
      await server.exchange(get("/?q=1"));
      await linesOf(access, /q=1/);
      server.signal("SIGTERM");
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      assert.deepEqual(worded(await linesOf(errors, /Shutting down/), server), [
        "ini|INFO|MASTER|Starting SERVER VERSION",
        "ini|INFO|MASTER|Listening at: ADDRESS (MASTER)",
        "ini|INFO|MASTER|Using worker: sync",
        "ini|INFO|WORKER|Booting worker with pid: PID",
        "ini|INFO|MASTER|Handling signal: term",
        "ini|INFO|WORKER|Worker exiting (pid: PID)",
        "ini|INFO|MASTER|Shutting down: Master",
      ]);
      const [line, ...more] = await linesOf(access, /q=1/);
      assert.match(line ?? "", /^ini\|gunicorn\.access\| - - \[[^\]]+\] "GET \/\?q=1 HTTP\/1\.1" 200 6 "-" "-"$/);
      assert.deepEqual(more, []);
    });
  }

  test(`${kind}: syslog, over UDP and a unix datagram socket`, async (t) => {
    const path = join(temporaryFolder(t), "syslog");
    const sink = spawn(PYTHON, [fileURLToPath(new URL("log_sink.py", import.meta.url)), path], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => void sink.kill());
    const received: string[] = [];
    const lines = createInterface(sink.stdout);
    const port = await new Promise<string>((resolve) => lines.once("line", resolve));
    lines.on("line", (line) => received.push(String(JSON.parse(line))));
    for (const { address, more, prefix } of [
      { address: `udp://127.0.0.1:${port}`, more: ["--log-syslog-facility", "local3"], prefix: "<158>gunicorn.cases" },
      {
        address: `unix://${path}#dgram`,
        more: ["--log-syslog-prefix", "site", "--disable-redirect-access-to-syslog", "--access-logfile", "-"],
        prefix: "<14>gunicorn.site",
      },
    ]) {
      received.length = 0;
      const server = await Server.start(t, kind, { args: ["--log-syslog", "--log-syslog-to", address, ...more, "cases"] });
      await server.exchange(get("/?q=1"));
      const toSyslog = !more.includes("--access-logfile");
      const access = /"GET \/\?q=1 HTTP\/1\.1" 200 6 "-" "-"/;
      if (toSyslog) await waitUntil("the access line in syslog", () => received.some((line) => access.test(line)));
      else await server.waitForLine(access);
      server.signal("SIGTERM");
      await server.exit();
      await waitUntil("the last line in syslog", () => received.some((line) => line.includes("Shutting down")));
      assert.ok(received.includes(`${prefix}.error: [${server.pid}] Shutting down: Master\0`), received.join("\n"));
      assert.ok(received.some((line) => line.startsWith(`${prefix}.error: [`) && /\] Booting worker with pid: \d+\0$/.test(line)));
      assert.equal(received.filter((line) => line.startsWith(`${prefix}.access: [`)).length, toSyslog ? 1 : 0, received.join("\n"));
      assert.match(server.output("stderr"), /\[INFO\] Shutting down: Master/, "stderr has them too");
    }
  });

  test(`${kind}: a configuration of logging that cannot be used stops the start`, async (t) => {
    const bad = configFile(t, `logconfig_dict = {"handlers": {"x": {"class": "logging.Nope"}}}\n`);
    for (const { args, message } of [
      { args: ["-c", bad], message: "Unable to configure handler 'x'" },
      { args: ["--log-config", "/nope.ini"], message: "Error: log config '/nope.ini' not found" },
      { args: ["--log-syslog", "--log-syslog-to", "nope"], message: "invalid syslog address" },
      { args: ["--log-syslog", "--log-syslog-facility", "nope"], message: "unknown facility name" },
    ]) {
      const { code, stderr } = await runToEnd(t, kind, { args: [...args, "cases"] });
      assert.equal(code, 1);
      assert.equal(stderr.trim().split("\n").at(-1), `Error: ${message}`);
    }
  });

  test(`${kind}: USR1 opens the files of a logconfig again, HUP reads it again`, async (t) => {
    const folder = temporaryFolder(t);
    const [errors, access] = [join(folder, "errors"), join(folder, "access")];
    const configuration = (mark: string) => JSON.stringify(DICTIONARY(errors, access, mark));
    const file = configFile(t, configuration("first"), "log.json");
    const server = await serve(t, kind, ["--log-config-json", file]);
    await server.exchange(get("/?before"));
    await linesOf(access, /before/);
    renameSync(errors, `${errors}.1`);
    renameSync(access, `${access}.1`);
    server.signal("SIGUSR1");
    await linesOf(`${errors}.1`, /Handling signal: usr1/);
    await waitUntil("both files to be opened again", () => existsSync(errors) && existsSync(access));
    // Workers follow the master in their own time.
    let asked = 0;
    await waitUntil("a line of the worker in the new file", async () => {
      asked += 1;
      await server.exchange(get("/?after"));
      return /after/.test(readFileSync(access, "utf8"));
    });
    writeFileSync(file, configuration("second"));
    server.signal("SIGHUP");
    await linesOf(errors, /second\|INFO\|\d+\|Booting worker/);
    await linesOf(errors, /Worker exiting/);
    await server.exchange(get("/?again"));
    assert.match((await linesOf(access, /again/)).at(-1) ?? "", /^second\|/);
    assert.ok(asked > 0);
  });

  test(`${kind}: capture_output`, async (t) => {
    const errors = join(temporaryFolder(t), "errors");
    const server = await serve(t, kind, ["--capture-output", "--error-logfile", errors, "--access-logfile", "-"]);
    await server.exchange(get("/talks"));
    await linesOf(errors, /"GET \/talks HTTP\/1\.1" 200 /);
    await linesOf(errors, /^printed to stdout$/m);
    const lines = await linesOf(errors, /^printed to stderr$/m);
    assert.ok(lines.some((line) => /\[INFO\] logged by the application$/.test(line)));
    assert.equal(server.output(), "");
  });
}

for (const { worker, app } of [
  { worker: "gthread", app: "cases" },
  { worker: "gevent", app: "cases" },
  { worker: "eventlet", app: "cases" },
  { worker: "asgi", app: "asgi_cases" },
]) {
  test(`tunicorn: a subclass of Logger with ${worker}`, async (t) => {
    const args = ["-c", configFile(t, FILTERING), "-k", worker, "--threads", "2", app];
    const server = await Server.start(t, "tunicorn", { args });
    for (const target of ["/?1", "/?2", "/?3"]) await server.exchange(get(target, "X-A: 2\r\n"));
    for (const target of ["/?1", "/?2", "/?3"]) {
      await server.waitForLine(
        new RegExp(`^access 127\\.0\\.0\\.1 GET /\\${target.slice(1)} HTTP/1\\.1 \\d+ \\d+ \\S+ 2 /\\${target.slice(1)} -$`),
      );
    }
    // The last line of all: what is still to be reported comes before the worker leaves.
    await server.exchange(get("/?last"));
    server.signal("SIGTERM");
    await server.exit();
    assert.match(server.output("stdout"), /GET \/\?last HTTP/);
    assert.equal(server.output("stdout").trimEnd().split("\n").length, 4, server.output());
    assert.match(server.output("stderr"), /\[INFO\] mine: Worker exiting/);
  });
}

test("tunicorn: lines of requests that no worker has, and of clients that left", async (t) => {
  const args = ["-c", configFile(t, FILTERING), "--queue-timeout", "1", "--look-ahead", "0", "--log-level", "debug", "cases"];
  const server = await Server.start(t, "tunicorn", { args });
  const busy = server.exchange(get("/nap?seconds=2&busy"));
  const queued = await server.exchange(get("/?queued"));
  assert.match(queued.statusLine, / 503 /);
  await server.waitForLine(/^access 127\.0\.0\.1 GET \/\?queued HTTP\/1\.1 503 \d+ - - \/\?queued -$/);
  await busy;
  await server.waitForLine(/^access .* GET \/nap\?seconds=2&busy HTTP\/1\.1 200 /);
  const seen = server.lines.length;
  const client = await server.connect();
  client.send(get("/nap?seconds=1&left"));
  await server.waitForLine(/\[DEBUG\] GET \/nap$/, seen);
  // A FIN alone says nothing: many clients send one and read on.
  client.socket.resetAndDestroy();
  await server.waitForLine(/^access .* GET \/nap\?seconds=1&left HTTP\/1\.1 499 0 - - /);
  await server.exchange("get / HTTP/1.1\r\n\r\n");
  const [, pid] = await server.waitForLine(/\[(\d+)\] \[WARNING\] Invalid request from ip=127\.0\.0\.1: Invalid HTTP method: 'get'$/);
  assert.equal(Number(pid), server.gateway(), "a gateway's line is the gateway's");
});
