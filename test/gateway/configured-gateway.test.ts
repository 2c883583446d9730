import assert from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Traffic } from "../../src/telemetry/traffic.ts";
import { FROM_WORKER, TO_WORKER } from "../../src/wire/frame-types.ts";
import { type BoundSocket, bindLoopback } from "./bound-socket.ts";
import { GatewayProcess, up } from "./gateway-process.ts";
import { until } from "./spool-directory.ts";

test("up is said once, when the last of its listeners has been taken", async (t) => {
  const gateway = new GatewayProcess(t);
  const [first, second] = [bindLoopback(t), bindLoopback(t)];
  gateway.configure();
  gateway.listen(first, 0, 2);
  const worker = await gateway.readyWorker();
  const early = (await connectWhenListening(gateway, first)).get("/");
  await gateway.serve(worker, "answered");
  await early.sees("answered");
  assert.deepEqual(gateway.said, []);
  gateway.listen(second, 1, 2);
  await gateway.hears("up");
  const late = (await gateway.client(second)).get("/");
  await gateway.serve(worker, "answered");
  await late.sees("answered");
  gateway.listen(second, 1, 2);
  // The worker comes behind the listener: once it is known, so is the listener.
  await gateway.readyWorker();
  await gateway.settled();
  assert.deepEqual(gateway.said, []);
});

/** Nothing says when one of several listeners has been taken: until then the kernel refuses. */
async function connectWhenListening(gateway: GatewayProcess, socket: BoundSocket) {
  for (;;) {
    try {
      return await gateway.client(socket);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ECONNREFUSED");
    }
  }
}

test("pause: clients wait in the kernel's queue until it may listen again; those that were there go on", async (t) => {
  const { gateway, socket } = await up(t);
  const worker = await gateway.readyWorker();
  const before = await gateway.client(socket);
  await gateway.counts({ connections: 1 });
  gateway.tell({ cmd: "pause" });
  await gateway.settled();
  const waiting = (await gateway.client(socket)).get("/waiting");
  assert.equal((await gateway.settled()).connections, 1);
  before.get("/before");
  await gateway.serve(worker, "of before");
  await before.sees("of before");
  gateway.listen(socket);
  assert.ok((await gateway.serve(worker, "of waiting")).includes("/waiting"));
  await waiting.sees("of waiting");
});

test("a limit is reached again while the listener is on its way: it is closed at once, and asked for again later", async (t) => {
  const { gateway, socket } = await up(t, ["--queue-limit", "1"]);
  const [one, two] = [await gateway.client(socket), await gateway.client(socket)];
  await gateway.counts({ connections: 2 });
  one.get("/one");
  await gateway.counts({ queued: 1 });
  one.socket.resetAndDestroy();
  await gateway.hears("resume");
  two.get("/two");
  await gateway.counts({ queued: 1 });
  gateway.listen(socket);
  // A channel that comes behind the listener and ends: when that is known, the listener has been taken.
  (await gateway.worker()).worker.kill();
  await gateway.hears("worker-lost");
  const three = (await gateway.client(socket)).get("/three");
  assert.equal((await gateway.settled()).connections, 1);
  two.socket.resetAndDestroy();
  await gateway.hears("resume");
  gateway.listen(socket);
  assert.ok((await gateway.serve(await gateway.readyWorker(), "served")).includes("/three"));
  await three.sees("served");
});

test("drain: what is held is finished and its connection closed, nobody else is taken; then quit", async (t) => {
  const { gateway, socket } = await up(t);
  const worker = await gateway.readyWorker();
  const client = (await gateway.client(socket)).get("/last");
  const { id } = await gateway.pull(worker.number);
  gateway.tell({ cmd: "drain" });
  await gateway.settled();
  (await gateway.client(socket)).get("/late");
  assert.deepEqual([(await gateway.settled()).connections, gateway.said], [1, []]);
  worker.worker.send(FROM_WORKER.response, id, { status: "200 OK", contentLength: 4, body: "last" });
  await client.sees("Connection: close\r\n");
  await client.sees("last");
  client.socket.end();
  await gateway.hears("drained");
  gateway.tell({ cmd: "quit" });
  assert.equal(await gateway.exit(), 0);
  assert.deepEqual(gateway.said, []);
  const { requests, connections, waits } = sumOf(gateway.counters);
  assert.deepEqual([requests[2], connections, waits], [1, 1, 1]);
});

/** What several messages count together. */
function sumOf(messages: GatewayProcess["counters"]) {
  const sums = new Traffic();
  for (const { traffic } of messages) sums.add(traffic);
  const { requests, connections, waits } = sums.counts;
  return { requests, connections, waits: waits.counts.reduce((sum, count) => sum + count, 0) };
}

test("drain without a client: drained at once, and said once", async (t) => {
  const { gateway } = await up(t);
  gateway.tell({ cmd: "drain" });
  await gateway.hears("drained");
  gateway.tell({ cmd: "drain" });
  await gateway.settled();
  assert.deepEqual(gateway.said, []);
});

test("quit drops what is held", async (t) => {
  const { gateway, socket } = await up(t);
  const { number } = await gateway.readyWorker();
  const client = (await gateway.client(socket)).get("/");
  await gateway.pull(number);
  gateway.tell({ cmd: "quit" });
  assert.equal(await gateway.exit(), 0);
  await until(() => client.ended);
  assert.equal(client.text, "");
});

test("reopen-logs: lines from then on go to new files, those before stay in the old ones", async (t) => {
  const gateway = new GatewayProcess(t);
  const socket = bindLoopback(t);
  const [access, errors] = [join(gateway.directory, "access.log"), join(gateway.directory, "error.log")];
  gateway.configure(["--access-logfile", access, "--access-logformat", "%(U)s %(s)s", "--error-logfile", errors]);
  gateway.listen(socket);
  await gateway.hears("up");
  const worker = await gateway.readyWorker();
  const write = async (path: string) => {
    const client = (await gateway.client(socket)).get(path);
    await gateway.serve(worker, "answered");
    await client.sees("answered");
    const broken = await gateway.client(socket);
    broken.socket.write(`GET ${path} HTTP/x\r\n\r\n`);
    await broken.sees("400 Bad Request");
    await gateway.settled();
  };
  const invalid = (text: string) => text.match(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: /g)?.length;
  await write("/before");
  for (const path of [access, errors]) renameSync(path, `${path}.1`);
  gateway.tell({ cmd: "reopen-logs" });
  await write("/after");
  assert.deepEqual([readFileSync(`${access}.1`, "utf8"), readFileSync(access, "utf8")], ["/before 200\n", "/after 200\n"]);
  assert.deepEqual([invalid(readFileSync(`${errors}.1`, "utf8")), invalid(readFileSync(errors, "utf8"))], [1, 1]);
});

test("a client that left before it was answered has a line in the access log, with 499", async (t) => {
  const { gateway, socket } = await up(t, ["--access-logfile", "-", "--access-logformat", "%(r)s %(s)s %(B)s"]);
  const worker = await gateway.readyWorker();
  const client = (await gateway.client(socket)).get("/left");
  await gateway.pull(worker.number);
  client.socket.resetAndDestroy();
  await until(() => gateway.stdout !== "");
  assert.equal(gateway.stdout, "GET /left HTTP/1.1 499 0\n");
});

test("workers: leaving, being stopped, and dying in a request are told to the arbiter", async (t) => {
  const { gateway, socket } = await up(t);
  const { worker, number } = await gateway.readyWorker();
  gateway.tell({ cmd: "stop-worker", worker: number });
  assert.equal((await worker.next(TO_WORKER.stop)).stream, 0);
  const client = (await gateway.client(socket)).get("/dies");
  const { id } = await gateway.pull(number);
  worker.send(FROM_WORKER.leaving, 0);
  assert.equal((await gateway.hears("worker-leaving")).worker, number);
  assert.equal((await gateway.settled()).lanes, 0);
  worker.die();
  const lost = await gateway.hears("worker-lost");
  const [request] = lost.requests;
  assert.deepEqual([lost.worker, request?.method, request?.target, request?.id, lost.more], [number, "GET", "/dies", id, 0]);
  await client.sees("502 Bad Gateway");
});

test("a request that outlasts timeout is told to the arbiter", async (t) => {
  const { gateway, socket } = await up(t, ["--timeout", "1"]);
  const { number } = await gateway.readyWorker();
  (await gateway.client(socket)).get("/slow");
  const { id } = await gateway.pull(number);
  const overdue = await gateway.hears("overdue");
  assert.deepEqual([overdue.worker, overdue.request?.target, overdue.request?.id], [number, "/slow", id]);
  assert.ok(overdue.silentMs > 1_000, `${overdue.silentMs} ms`);
});
