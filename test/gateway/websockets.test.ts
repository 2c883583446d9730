/** WebSockets in the pool: from the handshake to the worker and back, and what ends many at once. */

import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EntryIds } from "../../src/dispatch/entry-ids.ts";
import type { PoolLimits } from "../../src/gateway/pool-limits.ts";
import { pushServing } from "../../src/gateway/serving.ts";
import { WorkerPool } from "../../src/gateway/worker-pool.ts";
import type { Tunnel, TunnelUser, WebsocketHandshake } from "../../src/request/exchange.ts";
import { ProtocolError } from "../../src/request/protocol-error.ts";
import { FROM_WORKER, STREAM_WINDOW_BYTES, TO_WORKER, WEBSOCKET } from "../../src/wire/frame-types.ts";
import { CLOSE, closePayload, frame, TEXT } from "../server/websocket-client.ts";
import type { FakeWorker } from "./fake-worker.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { addReadyWorker, notedIn, usualLimits, usualSpool } from "./pool-parts.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

/** A client that asks for a WebSocket, in memory. */
class Client implements WebsocketHandshake, Tunnel {
  readonly exchange = new MemoryExchange(requestHead("GET", "/socket"));
  extensions: string | undefined;
  answer: string | undefined;
  fault: ProtocolError | undefined;
  user: TunnelUser | undefined;
  received = "";
  ending: "end" | "cut" | undefined;

  constructor() {
    this.exchange.websocket = this;
  }

  check(): void {
    if (this.fault !== undefined) throw this.fault;
  }
  accept(fieldLines: string, user: TunnelUser): Tunnel {
    this.answer = fieldLines;
    this.exchange.status = "101";
    this.user = user;
    return this;
  }
  write(bytes: Buffer | string): boolean {
    this.received += bytes.toString("latin1");
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.ending = "end";
  }
  cut(): void {
    this.ending = "cut";
  }
}

function stage(t: TestContext) {
  const directory = temporaryDirectory(t);
  const memory = openSync(join(directory, "memory"), "w+");
  const reports: string[] = [];
  const spool = { ...usualSpool(directory), fileBytes: 0, budget: { usedBytes: 0, maxBytes: 0 } };
  const limits: PoolLimits = { ...usualLimits(() => 1000, spool), workerConnections: 1 };
  const pool = new WorkerPool(pushServing(memory, new EntryIds(8), limits, "asgi"), limits, notedIn(reports));
  let workers = 0;
  const addWorker = () => addReadyWorker(t, directory, { pool, reports }, ++workers);
  const open = async (worker: FakeWorker) => {
    const client = new Client();
    pool.handle(client.exchange);
    const { stream } = await worker.next(TO_WORKER.request);
    worker.send(FROM_WORKER.accept, stream, { head: "X-A: b\r\n" });
    await until(() => client.answer !== undefined);
    return { client, stream, hear: (bytes: Buffer) => client.user?.onBytes(bytes) };
  };
  return { pool, reports, addWorker, open };
}

const closeFrame = (code: number, reason: string) =>
  Buffer.concat([Buffer.from([0x88, 2 + reason.length]), closePayload(code, reason)]).latin1Slice();

test("a handshake, messages both ways, and the client's close", async (t) => {
  const { pool, addWorker } = stage(t);
  const worker = await addWorker();
  const client = new Client();
  pool.handle(client.exchange);
  const request = await worker.next(TO_WORKER.request);
  assert.equal(request.flags, WEBSOCKET);
  assert.match(request.payload.latin1Slice(), /subprotocols/);
  worker.send(FROM_WORKER.accept, request.stream, { head: "X-A: b\r\n" });
  worker.send(FROM_WORKER.text, request.stream, { body: "welcome" });
  await until(() => client.received === "\x81\x07welcome");
  assert.equal(client.answer, "X-A: b\r\n");
  client.user?.onBytes(Buffer.concat([frame(TEXT, "hi"), frame(CLOSE, closePayload(4000, "bye"))]));
  assert.equal((await worker.next(TO_WORKER.text)).payload.toString(), "hi");
  const closed = await worker.next(TO_WORKER.closed);
  assert.deepEqual([closed.payload.readUInt16LE(0), closed.payload.toString("utf8", 2)], [4000, "bye"]);
  assert.deepEqual([client.ending, pool.websockets.count, pool.held], ["end", 0, 1]);
  worker.send(FROM_WORKER.end, request.stream);
  await until(() => pool.held === 0);
});

test("one frame of a worker is a message to many, those that have left aside", async (t) => {
  const { addWorker, open } = stage(t);
  const worker = await addWorker();
  const all = [await open(worker), await open(worker), await open(worker)];
  const head = Buffer.alloc(16);
  for (const [index, stream] of [...all.map(({ stream }) => stream), 4711].entries()) head.writeUInt32LE(stream, 4 * index);
  all[1]!.client.user!.onGone();
  worker.send(FROM_WORKER.textToMany, 0, { head: head.latin1Slice(), body: "to all" });
  worker.send(FROM_WORKER.binaryToMany, 0, { head: head.latin1Slice(8), body: "\x01" });
  worker.send(FROM_WORKER.text, all[0]!.stream, { body: "to one" });
  await until(() => all[0]!.client.received.endsWith("to one"));
  assert.deepEqual(
    all.map(({ client }) => client.received),
    ["\x81\x06to all\x81\x06to one", "", "\x81\x06to all\x82\x01\x01"],
  );
});

test("what clients have taken is told with the messages of its turn, in order", async (t) => {
  const { addWorker, open } = stage(t);
  const worker = await addWorker();
  const { client, stream, hear } = await open(worker);
  for (let n = 0; n < 70; n++) worker.send(FROM_WORKER.text, stream, { body: "x" });
  const credit = await worker.next(TO_WORKER.credit);
  assert.equal(credit.stream, stream);
  assert.ok(credit.payload.readUInt32LE() >= STREAM_WINDOW_BYTES / 4);
  hear(frame(TEXT, "hi"));
  assert.equal((await worker.next(TO_WORKER.text)).payload.toString(), "hi");
  assert.equal(client.received.length, 3 * 70);
});

test("a large message of a client goes in pieces, a large one of the application comes in pieces", async (t) => {
  const { addWorker, open } = stage(t);
  const worker = await addWorker();
  const { client, stream, hear } = await open(worker);
  hear(frame(TEXT, "x".repeat(150_000)));
  const pieces = [await worker.next(TO_WORKER.text), await worker.next(TO_WORKER.text), await worker.next(TO_WORKER.text)];
  assert.deepEqual(
    pieces.map(({ flags, payload }) => [flags, payload.length]),
    [
      [4, 65536],
      [4, 65536],
      [0, 18928],
    ],
  );
  worker.send(FROM_WORKER.binary, stream, { flags: 4, body: "one " });
  worker.send(FROM_WORKER.binary, stream, { body: "two" });
  await until(() => client.received === "\x02\x04one \x80\x03two");
});

test("a handshake that lacks something is refused, with what the client may do better", async (t) => {
  const { pool, reports } = stage(t);
  const client = new Client();
  client.fault = new ProtocolError("bad-websocket-version", "Unsupported WebSocket version: none");
  pool.handle(client.exchange);
  assert.equal(client.exchange.status, "426 Upgrade Required");
  assert.match(client.exchange.fieldLines, /Sec-WebSocket-Version: 13/);
  assert.deepEqual([reports, pool.held], [["Invalid request from ip=192.0.2.1: Unsupported WebSocket version: none"], 0]);
});

test("an open WebSocket does not count against what a worker may have", async (t) => {
  const { addWorker, open, pool } = stage(t);
  const worker = await addWorker();
  const opened = [await open(worker), await open(worker), await open(worker)];
  assert.equal(pool.websockets.count, 3);
  for (const { stream } of opened) worker.send(FROM_WORKER.close, stream, { body: Buffer.from([0xa1, 0x0f]) });
  await until(() => opened.every(({ client }) => client.received === closeFrame(4001, "")));
  await until(() => pool.held === 0);
});

test("a worker that leaves: its clients are told to come again; one that is accepted later too", async (t) => {
  const { addWorker, open, pool } = stage(t);
  const worker = await addWorker();
  const { client } = await open(worker);
  const late = new Client();
  pool.handle(late.exchange);
  const { stream } = await worker.next(TO_WORKER.request);
  worker.send(FROM_WORKER.leaving, 0);
  await until(() => client.received === closeFrame(1012, "Service restart"));
  assert.equal((await worker.next(TO_WORKER.closed)).payload.readUInt16LE(0), 1012);
  worker.send(FROM_WORKER.accept, stream);
  await until(() => late.received === closeFrame(1012, "Service restart"));
});

test("the server stops", async (t) => {
  const { addWorker, open, pool } = stage(t);
  const { client, hear } = await open(await addWorker());
  pool.websockets.stop();
  await until(() => client.received === closeFrame(1001, "Server is stopping"));
  hear(frame(CLOSE, closePayload(1001)));
  assert.equal(client.ending, "end");
});

test("a worker that dies: 1011 for what was open, 502 for what it had begun, a next worker for the rest", async (t) => {
  const { addWorker, open, pool } = stage(t);
  const worker = await addWorker();
  const { client } = await open(worker);
  const waiting = new Client();
  pool.handle(waiting.exchange);
  await worker.next(TO_WORKER.request);
  worker.kill();
  await until(() => client.received === closeFrame(1011, "Worker died"));
  const next = await addWorker();
  assert.equal((await next.next(TO_WORKER.request)).flags, WEBSOCKET);
  assert.equal(waiting.exchange.ending, "open");
});

test("a client that leaves while its handshake waits", async (t) => {
  const { addWorker, pool } = stage(t);
  const client = new Client();
  pool.handle(client.exchange);
  client.exchange.leave();
  const worker = await addWorker();
  const next = new Client();
  pool.handle(next.exchange);
  await worker.next(TO_WORKER.request);
  assert.equal(pool.held, 1, "the first was never begun");
});

test("a worker that breaks the rules loses its channel", async (t) => {
  const { accept, text, textToMany } = FROM_WORKER;
  for (const breakIt of [accept, text, textToMany]) {
    const { addWorker, pool, reports } = stage(t);
    const worker = await addWorker();
    const exchange = new MemoryExchange(requestHead("GET", "/"));
    pool.handle(exchange);
    const { stream } = await worker.next(TO_WORKER.request);
    if (breakIt === textToMany) worker.send(breakIt, 0, { head: String.fromCharCode(stream, 0, 0, 0) });
    else worker.send(breakIt, stream);
    await until(() => reports.some((text) => text.includes("worker channel closed")));
    assert.equal(exchange.status, "502 Bad Gateway");
  }
});
