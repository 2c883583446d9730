import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { ask, scrape, waitForSamples } from "./admin-client.ts";
import { waitUntil } from "./deadline.ts";
import { PYTHON, Server, temporaryFolder } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { get } from "./http-client.ts";
import { start, upgrade } from "./upgrade.ts";

const SUCCESSES = 'tunicorn_requests_total{code="2xx"}';
const FAILURES = 'tunicorn_requests_total{code="5xx"}';
const ANSWERS = "tunicorn_request_duration_seconds_count";
const WAITS = "tunicorn_queue_duration_seconds_count";

/** What Prometheus' own client library makes of a text: `[family, type, samples]`, or its error. */
const PARSE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]] for f in text_string_to_metric_families(sys.stdin.read())]))
`;

async function send(server: Server, path: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await server.exchange(get(path));
}

test("counters are exact across a reload, the death of a worker and of the gateway; the reload moves the port", async (t) => {
  const folder = temporaryFolder(t);
  const [first, second, conf] = [join(folder, "1.sock"), join(folder, "2.sock"), join(folder, "conf.py")];
  writeFileSync(conf, `admin_bind = "unix:${first}"\n`);
  const server = await Server.start(t, "tunicorn", { args: ["-c", conf, "-w", "2", "--log-level", "debug", "cases"] });
  await server.workersReady(2);
  await send(server, "/", 7);
  await send(server, "/raises", 2);
  await waitForSamples(first, { [SUCCESSES]: 7, [FAILURES]: 2, [ANSWERS]: 9, [WAITS]: 9, tunicorn_connections_accepted_total: 9 });

  writeFileSync(conf, `admin_bind = "unix:${second}"\n`);
  server.signal("SIGHUP");
  await server.waitForLine(/reload done gen=1/);
  await send(server, "/", 5);
  const restarts = 'tunicorn_worker_restarts_total{reason="reload"}';
  await waitForSamples(second, { [SUCCESSES]: 12, [ANSWERS]: 14, [restarts]: 2, tunicorn_generation: 1, tunicorn_reloading: 0 });
  assert.ok(!existsSync(first));

  const [victim = 0] = server.workers();
  killQuietly(victim);
  // The kernel's count of processes that it has killed for lack of memory may be unknown, or another's may be in it.
  await waitUntil("waiting for the worker's end to be counted", async () => {
    const samples = await scrape(second);
    return ["killed", "out-of-memory"].some((reason) => samples.get(`tunicorn_worker_restarts_total{reason="${reason}"}`) === 1);
  });
  await waitForSamples(second, { 'tunicorn_workers{state="ready"}': 2 });
  await send(server, "/", 3);
  await waitForSamples(second, { [SUCCESSES]: 15, [FAILURES]: 2 });

  const gateway = server.gateway() ?? 0;
  killQuietly(gateway);
  await waitForSamples(second, { tunicorn_gateway_restarts_total: 1, 'tunicorn_workers{state="ready"}': 2 });
  await send(server, "/", 4);
  await waitForSamples(second, { [SUCCESSES]: 19, [FAILURES]: 2, [ANSWERS]: 21, tunicorn_connections: 0, tunicorn_requests_in_flight: 0 });
  assert.equal((await ask(second, "/readyz")).body, "ok\n");

  const { body } = await ask(second, "/metrics");
  const families = JSON.parse(execFileSync(PYTHON, ["-c", PARSE], { input: body, encoding: "utf8" })) as [string, string, unknown[]][];
  const types = new Map(families.map(([name, type]) => [name, type]));
  assert.deepEqual(
    ["tunicorn_requests", "tunicorn_request_duration_seconds", "tunicorn_workers", "tunicorn_build_info"].map((name) => types.get(name)),
    ["counter", "histogram", "gauge", "gauge"],
  );
  assert.equal(families.flatMap(([, , samples]) => samples).length, body.split("\n").filter((line) => /^[^#]/.test(line)).length);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(!existsSync(second));
});

test("while every worker is busy all pages are there, on the application's port too where that is asked for", async (t) => {
  const path = join(temporaryFolder(t), "admin.sock");
  const args = ["--admin-bind", `unix:${path}`, "--admin-prefix", "/-", "--look-ahead", "0", "cases"];
  const server = await Server.start(t, "tunicorn", { args });
  const held = await holdRequest(t, server);
  const waiting = Array.from({ length: 20 }, () => server.exchange(get("/")));
  await waitForSamples(path, { tunicorn_requests_in_flight: 21, tunicorn_queue_depth: 20, tunicorn_connections: 21 });
  for (const where of ["/-", ""]) {
    const address = where === "" ? path : server.address;
    assert.deepEqual(
      (await Promise.all(["/livez", "/readyz", "/metrics", "/status"].map((page) => ask(address, where + page)))).map(
        ({ status }) => status,
      ),
      [200, 200, 200, 200],
    );
  }
  const status = JSON.parse((await ask(path, "/status")).body);
  assert.deepEqual([status.ready, status.workers.length, status.gateways[0].queued], [true, 1, 20]);
  assert.ok(status.processes.every((each: { resident_bytes: number }) => each.resident_bytes > 0));
  held.release();
  for (const { body } of await Promise.all(waiting)) assert.equal(body, "hello\n");
  // They have waited for as long as the first one was held.
  await waitForSamples(path, { [WAITS]: 21 });
  assert.ok(((await scrape(path)).get('tunicorn_queue_duration_seconds_bucket{le="0.001"}') ?? 21) <= 1);
  // What is no page of ours is the application's, which says that it was asked for it.
  assert.match((await server.exchange(get("/-/other"))).body, /\/-\/other/);
});

test("event loops have their lag, and a server that stops is alive and not ready", async (t) => {
  const path = join(temporaryFolder(t), "admin.sock");
  const args = ["-k", "asgi", "--admin-bind", `unix:${path}`, "asgi_cases"];
  const server = await Server.start(t, "tunicorn", { args });
  await waitUntil("waiting for the lag of the worker", async () =>
    [...(await scrape(path)).keys()].some((name) => name.startsWith('tunicorn_event_loop_lag_seconds{process="worker"')),
  );
  // A request under way holds up the end of the gateway.
  const client = await server.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
  await waitForSamples(path, { tunicorn_requests_in_flight: 1 });
  server.signal("SIGTERM");
  await waitUntil("waiting for the stop to be seen", async () => (await ask(path, "/readyz")).status === 503);
  assert.deepEqual([(await ask(path, "/readyz")).body, (await ask(path, "/livez")).status], ["not ready\nstopping\n", 200]);
  client.close();
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.ok(!existsSync(path));
});

test("a busy port ends the start as one of the application's does", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await waitUntil("waiting for a port", () => other.listening);
  const { port } = other.address() as AddressInfo;
  const folder = temporaryFolder(t);
  const server = Server.spawn(t, "tunicorn", { args: ["-p", join(folder, "pid"), "--admin-bind", `127.0.0.1:${port}`, "cases"] });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  assert.equal(server.countLines(new RegExp(`Connection in use: \\('127\\.0\\.0\\.1', ${port}\\)`)), 5);
  assert.match(server.output("stderr"), /Error: cannot listen at the admin address 127\.0\.0\.1:\d+\n/);
  assert.ok(!existsSync(join(folder, "pid")));
});

test("USR2: the new master takes the port over when the old one has ended, and nobody is refused meanwhile", async (t) => {
  const path = join(temporaryFolder(t), "admin.sock");
  const upgrading = await start(t, "tunicorn", { args: ["--admin-bind", `unix:${path}`] });
  const { server } = upgrading;
  const answerer = async () => {
    const { processes } = JSON.parse((await ask(path, "/status")).body);
    return processes.find(({ role }: { role: string }) => role === "arbiter").pid;
  };
  assert.equal(await answerer(), server.pid);
  const successor = await upgrade(t, upgrading);
  assert.equal(await answerer(), server.pid);
  process.kill(server.pid, "SIGTERM");
  // Every one of these is answered, by whichever master.
  await waitUntil("waiting for the new master's answer", async () => (await answerer()) === successor);
  await server.waitForLine(new RegExp(`\\[${successor}\\] \\[INFO\\] Master has been promoted`));
  assert.equal((await ask(path, "/readyz")).status, 200);
  process.kill(successor, "SIGTERM");
  await waitUntil("waiting for the socket's file to go", () => !existsSync(path));
  await server.nothingLeft();
});
