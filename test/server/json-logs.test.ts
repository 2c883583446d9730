/** `log_format` json and request ids: what operators and applications see of a running server. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { field, get } from "./http-client.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

interface JsonLine {
  readonly log: "access" | "error";
  readonly level?: string;
  readonly pid: number;
  readonly message?: string;
  readonly traceback?: string;
  readonly target?: string;
  readonly [name: string]: unknown;
}

/** Every line but those that the application has printed. */
function jsonLines(server: Server): JsonLine[] {
  return server.lines.filter(({ text }) => text.startsWith("{")).map(({ text }) => JSON.parse(text) as JsonLine);
}

async function lineOf(server: Server, target: string): Promise<JsonLine> {
  return await waitUntil(`the access line of ${target}`, () => jsonLines(server).find((line) => line.target === target));
}

test("both logs in JSON, from every process", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "socket");
  const args = ["--log-format", "json", "--access-logfile", "-", "--request-id-header", "X-Request-ID", "--request-id-echo"];
  const server = Server.spawn(t, "tunicorn", { args: [...args, "-w", "2", "cases"], bind: `unix:${path}` });
  server.address = path;
  await server.listening();
  // A client of a unix socket is a proxy, and trusted.
  const kept = await server.exchange(get("/environ?kept", `X-Request-ID: from-proxy\r\ntraceparent: 00-${TRACE}-00f067aa0ba902b7-01\r\n`));
  assert.match(kept.body, /HTTP_X_REQUEST_ID.*from-proxy/);
  assert.equal(field(kept, "X-Request-ID"), "from-proxy");
  const line = await lineOf(server, "/environ?kept");
  assert.deepEqual(Object.keys(line), [
    ...["time", "log", "request_id", "trace_id", "remote_addr", "method", "target", "protocol", "scheme", "host"],
    ...["status", "bytes", "duration_ms", "queue_ms", "pid", "generation", "user_agent", "referer"],
  ]);
  assert.deepEqual([line.request_id, line.trace_id, line.generation, line.status], ["from-proxy", TRACE, 0, 200]);
  assert.ok(server.workers().includes(line.pid), "the worker that answered");
  assert.ok(Number(line.queue_ms) >= 0 && Number(line.queue_ms) <= Number(line.duration_ms));

  await server.exchange(get("/raises", 'User-Agent: "\\\t\xff\r\n'));
  const failed = await lineOf(server, "/raises");
  assert.deepEqual([failed.status, failed.user_agent], [500, '"\\\t\u00ff']);
  assert.match(String(failed.request_id), /^[0-9a-f]{32}$/);
  const error = await waitUntil("the worker's line", () =>
    jsonLines(server).find(({ message }) => message === "Error handling request GET /raises"),
  );
  assert.match(error.traceback ?? "", /^Traceback .*ValueError: before start_response$/s);
  assert.ok(server.workers().includes(error.pid));

  const refused = await server.exchange("get / HTTP/1.1\r\n\r\n");
  assert.match(refused.statusLine, / 400 /);
  const warning = await waitUntil("the gateway's line", () => jsonLines(server).find(({ level }) => level === "warning"));
  assert.deepEqual(
    [warning.log, warning.pid, warning.message],
    ["error", server.gateway(), "Invalid request from ip=: Invalid HTTP method: 'get'"],
  );

  server.signal("SIGTERM");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  const last = jsonLines(server).at(-1);
  assert.deepEqual([last?.level, last?.pid, last?.message], ["info", server.pid, "Shutting down: Master"]);
  const others = server.lines.filter(({ text }) => !text.startsWith("{"));
  assert.deepEqual(others, [], "nothing else is written");
});

test("an id that a stranger sends is replaced, and names the request in the lines about it", async (t) => {
  const args = ["--request-id-header", "X-Request-ID", "--forwarded-allow-ips", "192.0.2.1", "--request-timeout-hard", "1", "cases"];
  const server = await Server.start(t, "tunicorn", { args });
  const { body, fields } = await server.exchange(get("/environ", "X-Request-ID: mine\r\nX_Request_ID: mine\r\n"));
  const [, told = ""] = /HTTP_X_REQUEST_ID": \["str", "([0-9a-f]{32})"/.exec(body) ?? assert.fail(body);
  assert.doesNotMatch(body, /\bmine\b/);
  assert.ok(!fields.some(([name]) => name.toLowerCase() === "x-request-id"), "it is not echoed unless that is asked for");
  const late = await server.exchange(get("/nap?seconds=30"));
  assert.match(late.statusLine, / 504 /);
  const [, id] = await server.waitForLine(/ target=\/nap\?seconds=30 id=([0-9a-f]{32}) /);
  assert.notEqual(id, told);
});

test("asgi applications find the id among the headers; a reload changes the format", async (t) => {
  const folder = temporaryFolder(t);
  const conf = join(folder, "conf.py");
  const application = "async def application(scope, receive, send):\n    if scope['type'] != 'http':\n        return\n";
  const answer = "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n";
  const body = "    await send({'type': 'http.response.body', 'body': dict(scope['headers']).get(b'x-request-id', b'none')})\n";
  writeFileSync(join(folder, "shows_id.py"), application + answer + body);
  writeFileSync(conf, "worker_class = 'asgi'\nrequest_id_header = 'X-Request-ID'\naccesslog = '-'\n");
  const server = await Server.start(t, "tunicorn", { args: ["-c", conf, "shows_id:application"], cwd: folder });
  assert.equal((await server.exchange(get("/", "X-Request-ID: proxy-1\r\n"))).body, "proxy-1");
  writeFileSync(conf, "worker_class = 'asgi'\nlog_format = 'json'\naccesslog = '-'\n");
  server.signal("SIGHUP");
  await waitUntil("lines in JSON", async () => {
    await server.exchange(get("/again"));
    return jsonLines(server).some(({ target, generation }) => target === "/again" && generation === 1);
  });
  assert.equal((await server.exchange(get("/"))).body, "none");
  assert.match(String((await lineOf(server, "/again")).request_id), /^[0-9a-f]{32}$/);
});
