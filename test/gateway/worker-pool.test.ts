import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EncodedHead } from "../../src/request/encoded-head.ts";
import { encodeEnviron } from "../../src/wire/environ.ts";
import { FROM_WORKER, RESPONSE_WINDOW_BYTES, TO_WORKER } from "../../src/wire/frame-types.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { PoolHarness, requestBegun } from "./pool-harness.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const { response, head, body, end, file, hints, abort, credit, fetchHead } = FROM_WORKER;
const OK = { status: "200 OK", head: "A: b\r\n" };

test("a whole response in one frame", async (t) => {
  const { harness, worker, number, client, id, body: inline } = await requestBegun(t, "/hello");
  assert.equal(inline, "");
  assert.equal(harness.pool.held, 1);
  worker.send(response, id, { ...OK, contentLength: 5, body: "hello" });
  await until(() => client.ending !== "open");
  assert.deepEqual(
    [client.ending, client.status, client.fieldLines, client.received.toString()],
    ["complete", "200 OK", "A: b\r\n", "hello"],
  );
  assert.equal(client.workerPid, 100 + number);
  harness.assertEmpty();
});

test("early hints, then a streamed response through a slow client, with credit", async (t) => {
  const { harness, worker, client, id } = await requestBegun(t, "/stream", { takes: 1000 });
  worker.send(hints, id, { status: "103 Early Hints", head: "Link: x\r\n" });
  worker.send(head, id, { ...OK, body: "first " });
  const chunk = "x".repeat(50_000);
  const CHUNKS = 5;
  for (let i = 0; i < CHUNKS; i++) worker.send(body, id, { body: chunk });
  const granted = await worker.next(TO_WORKER.credit);
  assert.ok(granted.payload.readUInt32LE(0) <= CHUNKS * chunk.length + 6 && granted.payload.readUInt32LE(0) >= RESPONSE_WINDOW_BYTES / 4);
  worker.send(end, id);
  await until(() => harness.pool.held === 0);
  assert.equal(client.ending, "open", "the worker is free, the client still reads");
  await until(() => {
    client.take(100_000);
    return client.ending !== "open";
  });
  assert.deepEqual(client.hints, ["103 Early Hints\r\nLink: x\r\n"]);
  assert.equal(client.received.toString(), `first ${chunk.repeat(CHUNKS)}`);
  harness.assertEmpty();
});

test("the application fails behind the head: the response is cut", async (t) => {
  const { harness, worker, client, id } = await requestBegun(t, "/");
  worker.send(head, id, OK);
  worker.send(abort, id);
  await until(() => client.ending !== "open");
  assert.equal(client.ending, "cut");
  harness.assertEmpty();
});

const BODIES = [
  { name: "small: it stands beside the head", bytes: 100, inline: true },
  { name: "larger than the slot", bytes: 1500, inline: false },
  { name: "larger than memory: spooled", bytes: 300_000, inline: false },
];

for (const { name, bytes, inline } of BODIES) {
  test(`a request's body, ${name}`, async (t) => {
    const harness = new PoolHarness(t);
    const { worker, number } = await harness.worker();
    const client = harness.request("/up", { framing: { kind: "length", bytes } });
    const content = Buffer.alloc(bytes, "0123456789");
    for (let at = 0; at < bytes; at += 7000) client.send(content.subarray(at, at + 7000));
    client.endBody();
    const ticket = await harness.take(number);
    assert.equal(ticket.bodyBytes, inline ? bytes : undefined);
    if (inline) assert.equal(ticket.body, content.toString());
    else {
      worker.sendUInt32(credit, ticket.id, 10_000);
      await until(
        () =>
          worker.received.reduce((sum, { type, payload }) => sum + (type === TO_WORKER.body ? payload.length : 0), 0) ===
          Math.min(bytes, 10_000),
      );
      worker.sendUInt32(credit, ticket.id, bytes);
      const read = await worker.readBody(ticket.id);
      assert.ok(read.body.equals(content));
      assert.equal(read.short, false);
    }
    worker.send(response, ticket.id, OK);
    await until(() => client.ending === "complete");
    harness.assertEmpty();
  });
}

test("a body that ends early reaches the worker as short", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const client = harness.request("/", { framing: { kind: "length", bytes: 10 } });
  client.send(Buffer.from("1234"));
  client.endBody("short");
  const { id, bodyBytes } = await harness.take(number);
  assert.equal(bodyBytes, undefined);
  worker.sendUInt32(credit, id, 100);
  assert.deepEqual(await worker.readBody(id), { body: Buffer.from("1234"), short: true });
});

test("without request_buffering the worker starts at once", async (t) => {
  const harness = new PoolHarness(t, { requestBuffering: false });
  const { number } = await harness.worker();
  harness.request("/", { framing: { kind: "length", bytes: 5 } });
  assert.equal((await harness.take(number)).bodyBytes, undefined);
});

test("a head that is larger than a slot is fetched", async (t) => {
  const { harness, worker, client, id, headBytes } = await requestBegun(t, "/", { headers: [["X-Long", "v".repeat(2000)]] });
  assert.equal(headBytes, undefined);
  worker.send(fetchHead, id);
  const { payload } = await worker.next(TO_WORKER.head);
  assert.ok(payload.includes("v".repeat(2000)));
  worker.send(response, id, OK);
  await until(() => client.ending === "complete");
  harness.assertEmpty();
});

/** A file and the frame that names it. */
function fileFrame(t: TestContext, content: string, changes: { inode?: bigint; bytes?: number } = {}): Buffer {
  const path = join(temporaryDirectory(t), "file");
  writeFileSync(path, content);
  const { dev, ino } = statSync(path, { bigint: true });
  const fixed = Buffer.alloc(32);
  fixed.writeBigUInt64LE(dev, 0);
  fixed.writeBigUInt64LE(changes.inode ?? ino, 8);
  fixed.writeBigUInt64LE(2n, 16);
  fixed.writeBigUInt64LE(BigInt(changes.bytes ?? content.length - 2), 24);
  return Buffer.concat([fixed, Buffer.from(path)]);
}

test("a file is taken over by the gateway", async (t) => {
  const { harness, worker, client, id } = await requestBegun(t, "/file");
  worker.send(head, id, OK);
  worker.send(file, id, { body: fileFrame(t, "0123456789") });
  await worker.next(TO_WORKER.fileTaken);
  await until(() => client.ending !== "open");
  assert.deepEqual([client.ending, client.received.toString()], ["complete", "23456789"]);
  harness.assertEmpty();
});

test("a file that is another one by now is refused, and the worker sends the bytes", async (t) => {
  const { harness, worker, client, id } = await requestBegun(t, "/file");
  worker.send(head, id, OK);
  worker.send(file, id, { body: fileFrame(t, "0123456789", { inode: 1n }) });
  await worker.next(TO_WORKER.fileRefused);
  worker.send(body, id, { body: "bytes" });
  worker.send(end, id);
  await until(() => client.ending !== "open");
  assert.equal(client.received.toString(), "bytes");
  harness.assertEmpty();
});

test("a worker that dies while its file is being opened: one end, counted once", async (t) => {
  const { harness, worker, client, id } = await requestBegun(t, "/file");
  worker.send(head, id, OK);
  worker.send(file, id, { body: fileFrame(t, "x".repeat(100_000)) });
  worker.die();
  await until(() => harness.reports.some((text) => text.startsWith("lost")) && client.ending !== "open");
  await new Promise((resolve) => setTimeout(resolve, 50));
  harness.assertEmpty();
});

for (const { name, before, reason } of [
  { name: "before its answer", before: [], reason: "refused" },
  { name: "behind the head", before: ["head"], reason: "cut" },
  { name: "amid the body", before: ["head", "body"], reason: "cut" },
] as const) {
  test(`a worker dies ${name}: the client is told`, async (t) => {
    const { harness, worker, number, client, id } = await requestBegun(t, "/dies");
    for (const frame of before) worker.send(FROM_WORKER[frame], id, frame === "head" ? OK : { body: "part" });
    worker.die();
    await until(() => client.ending !== "open");
    assert.equal(client.ending, reason);
    if (reason === "refused") assert.equal(client.status, "502 Bad Gateway");
    assert.ok(harness.reports.includes(`lost ${number} /dies`));
    harness.assertEmpty();
  });
}

test("a worker that dies behind its answer has answered, though the gateway was writing to it", async (t) => {
  const { harness, worker, client, id } = await requestBegun(
    t,
    "/",
    { framing: { kind: "length", bytes: 10_000_000 } },
    { requestBuffering: false },
  );
  worker.sendUInt32(credit, id, 10_000_000);
  await until(() => {
    client.send(Buffer.alloc(1000));
    return worker.received.some(({ type }) => type === TO_WORKER.body);
  });
  worker.send(response, id, { ...OK, body: "enough" });
  worker.die();
  // Writes to the dead worker fail; its answer is read all the same.
  for (let i = 0; i < 100; i++) client.send(Buffer.alloc(1000));
  await until(() => client.ending !== "open");
  assert.deepEqual([client.ending, client.received.toString()], ["complete", "enough"]);
  await until(() => harness.reports.some((text) => text.startsWith("lost")));
  harness.assertEmpty();
});

test("a request that comes back from a dead worker after its client has left is not run any more", async (t) => {
  const harness = new PoolHarness(t);
  const first = await harness.worker();
  const client = harness.request("/left");
  await until(() => harness.tickets.length === 1);
  harness.tickets.length = 0;
  client.leave();
  await harness.worker();
  first.worker.die();
  await until(() => harness.pool.held === 0);
  assert.equal(harness.pool.queued, 0);
  assert.deepEqual(harness.tickets, []);
  harness.assertEmpty();
});

test("a worker that dies before it has claimed: another has the request", async (t) => {
  const harness = new PoolHarness(t);
  const { worker } = await harness.worker();
  const client = harness.request("/");
  await until(() => harness.tickets.length === 1);
  worker.die();
  const second = await harness.worker();
  const { id } = await harness.take(second.number);
  second.worker.send(response, id, OK);
  await until(() => client.ending === "complete");
  harness.assertEmpty();
});

test("a client that leaves while queued is forgotten", async (t) => {
  const harness = new PoolHarness(t);
  const client = harness.request("/");
  assert.equal(harness.pool.queued, 1);
  client.leave();
  harness.assertEmpty();
});

test("a client that leaves while its body is gathered is forgotten", (t) => {
  const harness = new PoolHarness(t);
  const client = harness.request("/", { framing: { kind: "chunked" } });
  client.send(Buffer.alloc(500));
  client.leave();
  harness.assertEmpty();
});

for (const moment of ["claimed", "linked", "streaming", "spooled"] as const) {
  test(`a client leaves when its request is ${moment}: the worker is told, once it is known`, async (t) => {
    const { harness, worker, client, id } = await requestBegun(t, "/", { takes: 0 });
    if (moment === "linked") worker.send(fetchHead, id);
    if (moment === "linked") await worker.next(TO_WORKER.head);
    if (moment === "streaming" || moment === "spooled") {
      worker.send(head, id, { ...OK, body: "x".repeat(moment === "spooled" ? 100_000 : 10) });
      await until(() => client.started && client.received.length > 0);
    }
    client.leave();
    if (moment === "claimed") worker.send(head, id, OK);
    await worker.next(TO_WORKER.cancel);
    worker.send(body, id, { body: "unheard" });
    worker.send(end, id);
    await until(() => harness.pool.held === 0);
    assert.equal(client.ending, "open", "nothing more is said to who has left");
    harness.assertEmpty();
  });
}

test("SCRIPT_NAME that the path is not below: 500, and no worker hears of it", (t) => {
  const harness = new PoolHarness(t, { scriptName: "/mount" });
  assert.equal(harness.request("/").status, "500 Internal Server Error");
  harness.assertEmpty();
});

test("a head that comes again is encoded again only when the settings have changed", async (t) => {
  const harness = new PoolHarness(t);
  const { number } = await harness.worker();
  const given = { ...requestHead("GET", "/mount/x", undefined, [["Accept", "*/*"]]), encoded: new EncodedHead() };
  const ask = async (): Promise<string> => {
    harness.pool.handle(new MemoryExchange(given, { arrivedMs: harness.nowMs }));
    return (await harness.take(number)).head;
  };
  const first = await ask();
  assert.equal(first, encodeEnviron(given, ""));
  assert.equal(await ask(), first);
  harness.pool.change({ ...harness.limits, scriptName: "/mount" });
  const changed = await ask();
  assert.equal(changed, encodeEnviron(given, "/mount"));
  assert.notEqual(changed, first);
});
