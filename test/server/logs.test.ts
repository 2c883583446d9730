import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get, post } from "./http-client.ts";
import { openFiles } from "./process-tree.ts";

/** `[2026-11-20 18:07:04 +0000] [12890] [INFO] Listening at: ...` */
const LOG_LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[(\d+)\] \[([A-Z]+)\] (.*)$/;

interface LogLine {
  readonly who: "master" | "worker";
  readonly level: string;
  readonly message: string;
}

/**
 * The lines of the error log in Gunicorn's words: pids, ports and versions replaced; without those that only one server has
 * (Gunicorn's control socket, Tunicorn's `key=value` lines).
 */
function logLines(server: Server, text = server.output("stderr")): LogLine[] {
  return text
    .split("\n")
    .map((line) => LOG_LINE.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, level = "", message = ""]): LogLine => {
      const worded = message
        .replace(/(?:gunicorn|tunicorn) \d\S*/, "SERVER VERSION")
        .replace(/:\d+ \(\d+\)$/, ":PORT (PID)")
        .replace(/pid: ?\d+/, "pid:PID");
      return { who: Number(pid) === server.pid ? "master" : "worker", level, message: worded };
    })
    .filter(({ message }) => !message.startsWith("Control socket") && !/^[a-z ]+(?: [a-z_]+=\S+)+$/i.test(message));
}

async function waitForText(file: string, pattern: RegExp): Promise<string> {
  return await waitUntil(`waiting for ${pattern} in ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return pattern.test(text) ? text : undefined;
  });
}

const START: readonly LogLine[] = [
  { who: "master", level: "INFO", message: "Starting SERVER VERSION" },
  { who: "master", level: "INFO", message: "Listening at: http://127.0.0.1:PORT (PID)" },
  { who: "master", level: "INFO", message: "Using worker: sync" },
  { who: "worker", level: "INFO", message: "Booting worker with pid:PID" },
];

for (const kind of KINDS) {
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    test(`${kind}: the lines of a run that ${signal} ends`, async (t) => {
      const server = await Server.start(t, kind, { args: ["cases"] });
      await server.exchange(get("/"));
      server.signal(signal);
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      assert.deepEqual(logLines(server), [
        ...START,
        { who: "master", level: "INFO", message: `Handling signal: ${signal.slice(3).toLowerCase()}` },
        { who: "worker", level: "INFO", message: "Worker exiting (pid:PID)" },
        { who: "master", level: "INFO", message: "Shutting down: Master" },
      ]);
      assert.equal(server.output("stdout"), "");
    });
  }

  test(`${kind}: two addresses are on one line`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const server = Server.spawn(t, kind, { args: ["-b", `unix:${path}`, "cases"] });
    await server.waitForLine(new RegExp(`Listening at: http://127\\.0\\.0\\.1:\\d+,unix:${path} \\(${server.pid}\\)$`));
  });

  test(`${kind}: levels`, async (t) => {
    for (const { level, info, debug } of [
      { level: "debug", info: true, debug: true },
      { level: "info", info: true, debug: false },
      { level: "warning", info: false, debug: false },
      { level: "CRITICAL", info: false, debug: false },
    ]) {
      const path = join(temporaryFolder(t), "socket"); // a level may hide the line that tells the port
      const server = Server.spawn(t, kind, { args: ["--log-level", level, "--access-logfile", "-", "cases"], bind: `unix:${path}` });
      server.address = path;
      await server.listening();
      await server.exchange(get("/talks"));
      await server.waitForLine(/"GET \/talks HTTP\/1\.1" 200 /);
      const logged = logLines(server).map(({ level: at, message }) => `${at} ${message}`);
      assert.equal(logged.includes("INFO logged by the application"), info, level);
      assert.equal(logged.includes("DEBUG logged for debugging"), debug, level);
      assert.equal(logged.includes("INFO Using worker: sync"), info, level);
    }
  });

  test(`${kind}: what the application writes is passed through`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    await server.exchange(get("/talks"));
    await server.waitForLine(/^printed to stdout$/);
    await server.waitForLine(/^printed to stderr$/);
    await server.waitForLine(/^written to wsgi\.errors$/);
    assert.match(server.output("stdout"), /^printed to stdout$/m);
    assert.match(server.output("stderr"), /^printed to stderr$/m);
    assert.match(server.output("stderr"), /^written to wsgi\.errors$/m);
    const [worker] = server.workers();
    assert.match(server.output("stderr"), new RegExp(`\\[${worker}\\] \\[INFO\\] logged by the application$`, "m"));
  });

  test(`${kind}: an application's exception`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    await server.exchange(get("/raises?a=1"));
    await server.waitForLine(/^ValueError: before start_response$/);
    const lines = server.lines.map(({ text }) => text);
    const at = lines.findIndex((line) => line.endsWith("[ERROR] Error handling request GET /raises?a=1"));
    assert.notEqual(at, -1, server.output());
    assert.equal(lines[at + 1], "Traceback (most recent call last):");
    assert.ok(lines.some((line) => /^ {2}File ".*cases\.py", line \d+, in raises$/.test(line)));
  });

  test(`${kind}: bytes that are no request are a warning and no access line`, async (t) => {
    const server = await Server.start(t, kind, { args: ["--access-logfile", "-", "cases"] });
    await server.exchange("get / HTTP/1.1\r\n\r\n");
    await server.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: Invalid HTTP method: 'get'$/);
    await server.exchange("GET / HTTP/1.1\r\nX-A : 1\r\n\r\n");
    await server.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: Invalid HTTP header name: 'X-A '$/);
    await server.exchange(get("/"));
    await server.waitForLine(/"GET \/ HTTP\/1\.1" 200 6 /);
    assert.equal(server.output("stdout").split("\n").length, 2, server.output("stdout"));
  });

  test(`${kind}: access lines in the default format`, async (t) => {
    const server = await Server.start(t, kind, { args: ["--access-logfile", "-", "cases"] });
    await server.exchange(get("/?q=1", "User-Agent: test/1\r\nReferer: http://r/\r\nAuthorization: Basic bWU6eA==\r\n"));
    await server.waitForLine(
      /^127\.0\.0\.1 - me \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/\?q=1 HTTP\/1\.1" 200 6 "http:\/\/r\/" "test\/1"$/,
    );
    assert.equal(server.output("stdout").split("\n").length, 2, "one line, on stdout");
  });

  const FORMAT =
    "%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|%({X-A}i)s|%({x-lower}o)s|%({raw_uri}e)s|%(nope)s";
  const ACCESS = [
    {
      request: get("/headers?x=%22", "X-A: 1\r\n"),
      line: "127.0.0.1|-|-|GET /headers?x=%22 HTTP/1.1|GET|/headers|x=%22|HTTP/1.1|200|2|2|-|-|1|trimmed|/headers?x=%22|-",
    },
    { request: post("/echo", "12345"), line: "127.0.0.1|-|-|POST /echo HTTP/1.1|POST|/echo||HTTP/1.1|200|5|5|-|-|-|-|/echo|-" },
    { request: "HEAD / HTTP/1.0\r\n\r\n", line: "127.0.0.1|-|-|HEAD / HTTP/1.0|HEAD|/||HTTP/1.0|200|0|0|-|-|-|-|/|-" },
    { request: get("/generator"), line: "127.0.0.1|-|-|GET /generator HTTP/1.1|GET|/generator||HTTP/1.1|200|11|11|-|-|-|-|/generator|-" },
    {
      request: get("/raises-midway"),
      line: "127.0.0.1|-|-|GET /raises-midway HTTP/1.1|GET|/raises-midway||HTTP/1.1|200|5|5|-|-|-|-|/raises-midway|-",
    },
  ];

  test(`${kind}: access lines in a format of one's own`, async (t) => {
    const server = await Server.start(t, kind, { args: ["--access-logfile", "-", "--access-logformat", FORMAT, "cases"] });
    for (const { request, line } of ACCESS) {
      const seen = server.lines.length;
      await server.exchange(request);
      await server.waitForLine(/\|/, seen);
      assert.equal(server.lines.filter(({ stream }) => stream === "stdout").at(-1)?.text, line);
    }
  });

  test(`${kind}: times and pids in access lines`, async (t) => {
    const server = await Server.start(t, kind, {
      args: ["--access-logfile", "-", "--access-logformat", "%(T)s %(M)s %(D)s %(L)s %(p)s", "cases"],
    });
    await server.exchange(get("/nap?seconds=1"));
    const [, seconds, ms, us, decimal, pid] = await server.waitForLine(/^(\d+) (\d+) (\d+) (\d+\.\d{6}) <(\d+)>$/);
    assert.ok(Number(us) >= 1_000_000, `${us} microseconds`);
    assert.equal(ms, String(Math.floor(Number(us) / 1000)));
    assert.equal(seconds, String(Math.floor(Number(us) / 1_000_000)));
    assert.equal(Number(decimal), Number(us) / 1_000_000);
    assert.ok(server.workers().includes(Number(pid)), "the worker's pid");
  });

  test(`${kind}: log files, and USR1 opens them again`, async (t) => {
    const folder = temporaryFolder(t);
    const [errors, access] = [join(folder, "error.log"), join(folder, "access.log")];
    const server = Server.spawn(t, kind, {
      args: ["--error-logfile", errors, "--access-logfile", access, "cases"],
      bind: `unix:${join(folder, "socket")}`,
    });
    await waitForText(errors, /Booting worker/);
    server.address = join(folder, "socket");
    await server.exchange(get("/?before"));
    await waitForText(access, /GET \/\?before /);
    renameSync(errors, `${errors}.1`);
    renameSync(access, `${access}.1`);
    server.signal("SIGUSR1");
    await waitForText(`${errors}.1`, /Handling signal: usr1/);
    await waitUntil("both files to be opened again", () => existsSync(errors) && existsSync(access));
    // By everybody: the master is the first, its workers follow.
    const old = [`${errors}.1`, `${access}.1`];
    await waitUntil("the old files to be let go", () =>
      server.processes().every(({ pid }) => !openFiles(pid).some(({ target }) => old.includes(target))),
    );
    await server.exchange(get("/?after"));
    await waitForText(access, /^[^\n]*GET \/\?after [^\n]*\n$/);
    await server.exchange(get("/talks"));
    await waitForText(errors, /logged by the application/);
    await server.stop();
    await waitForText(errors, /Shutting down: Master/);
    assert.doesNotMatch(readFileSync(`${access}.1`, "utf8"), /after/);
    assert.equal(server.output("stderr").replace(/^printed to stderr\n/m, ""), "");
  });
}

test("tunicorn: a format that cannot work stops the start", async (t) => {
  const server = Server.spawn(t, "tunicorn" satisfies ServerKind, {
    args: ["--access-logfile", "-", "--access-logformat", "%(h)q", "cases"],
  });
  const { code } = await server.exit();
  assert.equal(code, 1);
  assert.match(server.output("stderr"), /Error: access_log_format "%\(h\)q": %\(h\)q is not a conversion/);
});
