/** The worker pool with event loops behind it: REQUEST frames, streams both ways, departures, deaths. */

import assert from "node:assert/strict";
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EntryIds } from "../../src/dispatch/entry-ids.ts";
import type { PoolLimits } from "../../src/gateway/pool-limits.ts";
import { pushServing } from "../../src/gateway/serving.ts";
import { WorkerPool } from "../../src/gateway/worker-pool.ts";
import { ENTRIES_OFFSET, ENTRY_BYTES, ENTRY_COUNT, FROM_WORKER, STREAM_WINDOW_BYTES, TO_WORKER } from "../../src/wire/frame-types.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { addReadyWorker, addWorker, notedIn, usualLimits, usualSpool } from "./pool-parts.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const { request, cancel, clientFin, stop, ping, body: bodyFrame, credit: creditToWorker } = TO_WORKER;
const OK = { status: "200 OK" };

function stage(t: TestContext, changes: Partial<PoolLimits> = {}) {
  const directory = temporaryDirectory(t);
  const memory = openSync(join(directory, "memory"), "w+");
  const reports: string[] = [];
  const clock = { nowMs: 1000 };
  const usual = usualLimits(() => clock.nowMs, usualSpool(directory));
  const limits: PoolLimits = { ...usual, workerConnections: 100, timeoutMs: 3000, ...changes };
  const pool = new WorkerPool(pushServing(memory, new EntryIds(ENTRY_COUNT), limits, "asgi"), limits, notedIn(reports));
  let workers = 0;
  const addChannel = () => addWorker(t, directory, { pool, reports }, ++workers);
  const addReady = () => addReadyWorker(t, directory, { pool, reports }, ++workers);
  const ask = (path: string, bytes?: number, takes?: number) => {
    const framing = bytes === undefined ? undefined : ({ kind: "length", bytes } as const);
    const exchange = new MemoryExchange(requestHead(bytes === undefined ? "GET" : "POST", path, framing), {
      arrivedMs: clock.nowMs,
      ...(takes === undefined ? {} : { takes }),
    });
    pool.handle(exchange);
    return exchange;
  };
  const begin = (stream: number) => {
    const word = Buffer.alloc(ENTRY_BYTES);
    word.writeUInt32LE(stream);
    writeSync(memory, word, 0, ENTRY_BYTES, ENTRIES_OFFSET + (stream % ENTRY_COUNT) * ENTRY_BYTES);
  };
  return { pool, reports, clock, addChannel, addWorker: addReady, ask, begin };
}

test("many requests share a channel, and are answered in any order", async (t) => {
  const { pool, addWorker, ask } = stage(t);
  const worker = await addWorker();
  const clients = ["/a", "/b", "/c"].map((path) => ask(path));
  const streams: number[] = [];
  for (let n = 0; n < 3; n++) streams.push((await worker.next(request)).stream);
  for (const stream of streams.toReversed()) worker.send(FROM_WORKER.response, stream, { ...OK, body: `to ${streams.indexOf(stream)}` });
  await until(() => clients.every(({ ending }) => ending === "complete"));
  assert.deepEqual(
    clients.map(({ received }) => received.toString()),
    ["to 0", "to 1", "to 2"],
  );
  assert.equal(pool.held, 0);
});

test("a body that comes with its head goes with it, a longer one is asked for", async (t) => {
  const { addWorker, ask } = stage(t);
  const worker = await addWorker();
  const whole = ask("/whole", 4);
  whole.send(Buffer.from("body"));
  whole.endBody("complete");
  const first = await worker.next(request);
  assert.deepEqual([first.flags, first.payload.subarray(-4).toString()], [0, "body"]);

  const later = ask("/later", 4);
  const second = await worker.next(request);
  assert.equal(second.flags, 1);
  assert.equal(later.bodyAllowed, false, "nobody has asked for it");
  worker.sendUInt32(FROM_WORKER.credit, second.stream, 3);
  await until(() => later.bodyAllowed);
  later.send(Buffer.from("late"));
  later.endBody("complete");
  assert.equal((await worker.next(bodyFrame)).payload.toString(), "lat", "no more than it granted");
  worker.sendUInt32(FROM_WORKER.credit, second.stream, 1);
  assert.equal((await worker.readBody(second.stream)).body.toString(), "e");
});

test("what nobody reads stops the client, whatever may be spooled for blocking workers", async (t) => {
  const { addWorker, ask } = stage(t);
  const worker = await addWorker();
  const client = ask("/", 1e6);
  const { stream } = await worker.next(request);
  client.send(Buffer.alloc(STREAM_WINDOW_BYTES));
  assert.equal(client.bodyPaused, true);
  worker.sendUInt32(FROM_WORKER.credit, stream, STREAM_WINDOW_BYTES);
  await until(() => !client.bodyPaused);
});

test("credit for a response comes back as the client takes it", async (t) => {
  const { addWorker, ask } = stage(t);
  const worker = await addWorker();
  const client = ask("/", undefined, 0);
  const { stream } = await worker.next(request);
  worker.send(FROM_WORKER.head, stream, { ...OK, body: Buffer.alloc(STREAM_WINDOW_BYTES / 2) });
  worker.send(FROM_WORKER.body, stream, { body: Buffer.alloc(STREAM_WINDOW_BYTES / 2) });
  await until(() => client.status !== "");
  worker.send(FROM_WORKER.body, stream, { body: Buffer.alloc(STREAM_WINDOW_BYTES / 2) });
  worker.send(FROM_WORKER.body, stream, { body: Buffer.alloc(STREAM_WINDOW_BYTES) });
  client.take(10 * STREAM_WINDOW_BYTES);
  await worker.next(creditToWorker);
  worker.send(FROM_WORKER.end, stream, { head: "x-sum: 1\r\n" });
  await until(() => client.ending === "complete");
  assert.equal(client.received.length, 2.5 * STREAM_WINDOW_BYTES);
  assert.equal(client.trailerLines, "", "the client has not said that it takes trailers");
});

test("a client's end of sending and its departure are told", async (t) => {
  const { pool, addWorker, ask } = stage(t);
  const early = ask("/early");
  early.onClientFin?.();
  const worker = await addWorker();
  const first = await worker.next(request);
  assert.equal((await worker.next(clientFin)).stream, first.stream, "it was known before");
  early.leave();
  assert.equal((await worker.next(cancel)).stream, first.stream);
  worker.send(FROM_WORKER.abort, first.stream);
  await until(() => pool.held === 0);
});

test("a dead worker's requests: begun ones are lost and each is named, the others go to the next worker", async (t) => {
  const { pool, reports, addWorker, ask, begin } = stage(t);
  const worker = await addWorker();
  // The oldest is not the one that was begun.
  const [waiting, first, second] = [ask("/waiting"), ask("/first"), ask("/second")];
  await worker.next(request);
  for (let n = 0; n < 2; n++) begin((await worker.next(request)).stream);
  worker.kill();
  await until(() => reports.includes("lost 1 /first,/second"));
  assert.deepEqual([first.status, second.status], ["502 Bad Gateway", "502 Bad Gateway"]);
  const other = await addWorker();
  const again = await other.next(request);
  other.send(FROM_WORKER.response, again.stream, { ...OK, body: "second try" });
  await until(() => waiting.ending === "complete");
  assert.equal(waiting.received.toString(), "second try");
  assert.equal(pool.held, 0);
});

test("behind a broken frame the worker may still be at work: nothing of it is given to another", async (t) => {
  const { reports, addWorker, ask } = stage(t);
  const worker = await addWorker();
  const client = ask("/");
  await worker.next(request);
  worker.sendRaw(Buffer.alloc(16));
  await until(() => reports.includes("lost 1 /"));
  assert.equal(client.status, "502 Bad Gateway");
});

test("LEAVING is answered by STOP, and no request follows", async (t) => {
  const { pool, addWorker, ask } = stage(t);
  const worker = await addWorker();
  worker.send(FROM_WORKER.leaving, 0);
  await worker.next(stop);
  ask("/");
  assert.deepEqual([pool.queued, pool.workers], [1, 0]);
  const other = await addWorker();
  await other.next(request);
  pool.stopWorker(2);
  await other.next(stop);
  assert.equal(pool.workers, 0);
});

for (const { moment, hasChannel } of [
  { moment: "before it was ready", hasChannel: true },
  { moment: "before its channel had come", hasChannel: false },
]) {
  test(`a worker that was told to stop ${moment} gets no request`, async (t) => {
    const { pool, reports, addChannel, addWorker, ask } = stage(t);
    if (!hasChannel) pool.stopWorker(1);
    const stopped = await addChannel();
    if (hasChannel) pool.stopWorker(1);
    await stopped.next(stop);
    stopped.sendUInt32(FROM_WORKER.ready, 0, 1);
    stopped.send(FROM_WORKER.leaving, 0);
    await until(() => reports.includes("leaving 1"));
    ask("/");
    assert.deepEqual([pool.queued, pool.workers], [1, 0]);
    assert.ok(!reports.includes("ready 1"));
    await (await addWorker()).next(request);
  });
}

test("silence: pinged each second, overdue after timeout", async (t) => {
  const { pool, reports, clock, addWorker, ask } = stage(t);
  const worker = await addWorker();
  ask("/held");
  pool.sweep();
  await worker.next(ping);
  clock.nowMs += 3001;
  pool.sweep();
  assert.deepEqual(reports.slice(1), ["overdue 1 3001 /held"]);
  worker.send(FROM_WORKER.pong, 0);
});

test("one worker gets no more than worker_connections", async (t) => {
  const { pool, addWorker, ask } = stage(t, { workerConnections: 2 });
  const worker = await addWorker();
  for (const path of ["/1", "/2", "/3"]) ask(path);
  assert.equal(pool.queued, 1);
  worker.send(FROM_WORKER.response, (await worker.next(request)).stream, OK);
  await until(() => pool.queued === 0);
});
