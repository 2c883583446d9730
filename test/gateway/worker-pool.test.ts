import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ApplicationEnd } from "../../src/gateway/taken-connection.ts";
import { FRAME_BYTES_MAX, FROM_WORKER, RESPONSE_WINDOW_BYTES, TO_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import type { MemoryExchange } from "./memory-exchange.ts";
import { PoolHarness, requestBegun } from "./pool-harness.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const { response, head, body, end, file, hints, abort, credit, leaving, pong, fetchHead } = FROM_WORKER;
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

test("a number that is in use already: the old channel is closed and its request decided, the new one serves", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const lost = harness.request("/lost");
  await harness.take(number);
  const another = await FakeWorker.connect(t, temporaryDirectory(t));
  harness.pool.addLane(number, 0, 7, another.gatewayHandle);
  assert.ok(harness.reports.includes(`lost ${number} /lost`), harness.reports.join("\n"));
  await until(() => worker.ended && lost.ending !== "open");
  assert.equal(lost.status, "502 Bad Gateway");
  another.sendUInt32(FROM_WORKER.ready, 0, number);
  await until(() => harness.reports.at(-1) === `ready ${number}`);
  assert.equal(harness.pool.workers, 1);
  const client = harness.request("/next");
  const { id } = await harness.take(number);
  another.send(response, id, { ...OK, contentLength: 2, body: "ok" });
  await until(() => client.ending === "complete");
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

test("a body that comes too slowly to be worth a worker's time is waited for beyond `body_wait`", async (t) => {
  const harness = new PoolHarness(t);
  const { number } = await harness.worker();
  const client = harness.request("/", { framing: { kind: "chunked" } });
  for (let second = 0; second < 100; second++) {
    client.send(Buffer.alloc(6_000));
    harness.nowMs += 1_000;
    harness.pool.sweep();
  }
  assert.equal(harness.tickets.length, 0);
  client.endBody();
  await harness.take(number);
});

test("a body is waited for `body_wait`, then the worker starts and the rest streams", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const client = harness.request("/", { framing: { kind: "chunked" } });
  const FAST = Buffer.alloc(10 * 65_536, "1");
  client.send(FAST);
  harness.nowMs += 9_999;
  harness.pool.sweep();
  assert.equal(harness.pool.queued, 0);
  harness.nowMs += 1;
  harness.pool.sweep();
  const { id } = await harness.take(number);
  worker.sendUInt32(credit, id, FAST.length + 100);
  let received = 0;
  while (received < FAST.length) received += (await worker.next(TO_WORKER.body)).payload.length;
  client.send(Buffer.from("two"));
  client.endBody();
  assert.equal((await worker.next(TO_WORKER.body)).payload.toString(), "two");
  await worker.next(TO_WORKER.bodyEnd);
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

test("queue_timeout: 503 for what waited too long", (t) => {
  const harness = new PoolHarness(t, { queueTimeoutMs: 3_000 });
  const client = harness.request("/");
  harness.nowMs += 3_000;
  harness.pool.sweep();
  assert.equal(client.ending, "open");
  harness.nowMs += 1;
  harness.pool.sweep();
  assert.deepEqual([client.ending, client.status], ["refused", "503 Service Unavailable"]);
  assert.deepEqual(harness.reports, ["queue-timeout 3000 192.0.2.1"]);
  harness.assertEmpty();
});

test("queue_timeout counts from when a request can be given to a worker: the time of its body is not its waiting", (t) => {
  const harness = new PoolHarness(t, { queueTimeoutMs: 2_000 });
  const client = harness.request("/up", { framing: { kind: "length", bytes: 4 } });
  harness.nowMs += 9_000;
  client.send(Buffer.from("body"));
  client.endBody();
  harness.nowMs += 2_000;
  harness.pool.sweep();
  assert.equal(client.ending, "open");
  harness.nowMs += 1;
  harness.pool.sweep();
  assert.deepEqual([client.status, client.fieldLines], ["503 Service Unavailable", "Retry-After: 2\r\n"]);
  harness.assertEmpty();
});

test("timeout: the arbiter is told once, and the worker's death is a 504", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const client = harness.request("/slow");
  await harness.take(number);
  harness.nowMs += 31_000;
  harness.pool.sweep();
  harness.pool.sweep();
  assert.deepEqual(
    harness.reports.filter((text) => text.startsWith("overdue")),
    [`overdue ${number} ${31_000 - 1} /slow`],
  );
  worker.die();
  await until(() => client.ending !== "open");
  assert.equal(client.status, "504 Gateway Timeout");
  harness.assertEmpty();
});

test("SCRIPT_NAME that the path is not below: 500, and no worker hears of it", (t) => {
  const harness = new PoolHarness(t, { scriptName: "/mount" });
  assert.equal(harness.request("/").status, "500 Internal Server Error");
  harness.assertEmpty();
});

test("frames of requests that nobody knows: a worker that would wait is told so", async (t) => {
  const harness = new PoolHarness(t);
  const { worker } = await harness.worker();
  for (const type of [head, body, end, response, abort, hints, credit, fetchHead, file])
    worker.send(type, 12345, { body: Buffer.alloc(4) });
  worker.send(pong, 0);
  for (let i = 0; i < 4; i++) assert.equal((await worker.next(TO_WORKER.cancel)).stream, 12345);
});

const FAULTS = [
  { name: "an unknown frame of the channel", frame: (send: Send) => send(99, 0) },
  { name: "an unknown frame of a request", frame: (send: Send, id: number) => send(99, id) },
  { name: "a file reference that is cut", frame: (send: Send, id: number) => send(file, id, { body: "short" }) },
  { name: "a frame without end", frame: (_: Send, __: number, raw: (bytes: Buffer) => void) => raw(lengthOf(FRAME_BYTES_MAX + 1)) },
];
type Send = (type: number, stream: number, parts?: { body: string }) => void;

function lengthOf(bytes: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(bytes, 0);
  return header;
}

for (const { name, frame } of FAULTS) {
  test(`a worker that breaks the contract loses its channel, and the gateway lives: ${name}`, async (t) => {
    const { harness, worker, number, client, id } = await requestBegun(t, "/");
    frame(worker.send.bind(worker), id, (bytes) => worker.sendRaw(bytes));
    await until(() => client.ending !== "open" && worker.ended);
    assert.equal(client.status, "502 Bad Gateway");
    assert.ok(harness.reports.some((text) => text.startsWith(`worker channel closed worker=${number}`)));
    harness.assertEmpty();
  });
}

test("a worker that leaves gets no more, what it has it ends", async (t) => {
  const { harness, worker, number, client, id } = await requestBegun(t, "/");
  worker.send(leaving, 0);
  await until(() => harness.reports.includes(`leaving ${number}`));
  assert.equal(harness.pool.workers, 0);
  const waiting = harness.request("/later");
  worker.send(response, id, OK);
  await until(() => client.ending === "complete");
  assert.equal(harness.pool.queued, 1);
  const second = await harness.worker();
  second.worker.send(response, (await harness.take(second.number)).id, OK);
  await until(() => waiting.ending === "complete");
  harness.assertEmpty();
});

/** An application's way to a client. */
function way() {
  const end: ApplicationEnd & { destroyed: boolean } = {
    destroyed: false,
    write: () => true,
    end: () => {},
    pause: () => {},
    resume: () => {},
    destroy: () => {
      end.destroyed = true;
    },
    onBytes: undefined,
    onEnd: undefined,
    onDrain: undefined,
  };
  return end;
}

test("an application takes its client's connection over; the worker ends the request before or after", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  for (const early of [true, false]) {
    const exchange = harness.request("/ws");
    const { id } = await harness.take(number);
    const application = way();
    if (early) harness.pool.takeOver(id, application);
    worker.send(FROM_WORKER.taken, id);
    await until(() => harness.pool.held === 0);
    if (!early) {
      assert.equal(exchange.ending, "open");
      harness.pool.takeOver(id, application);
    }
    application.onBytes?.(Buffer.from("HTTP/1.1 101 X"));
    assert.deepEqual([exchange.ending, exchange.tunnelled, application.destroyed], ["open", "HTTP/1.1 101 X", false]);
    application.onEnd?.();
    assert.deepEqual([exchange.ending, application.destroyed], ["taken", true]);
    const late = way();
    harness.pool.takeOver(id, late);
    assert.equal(late.destroyed, true, "the request is over");
  }
  harness.assertEmpty();
});

test("a way to a client that has left, or that never comes", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const left = harness.request("/left");
  const first = await harness.take(number);
  left.leave();
  const application = way();
  harness.pool.takeOver(first.id, application);
  assert.equal(application.destroyed, true);
  worker.send(FROM_WORKER.taken, first.id);
  const lost = harness.request("/lost");
  const second = await harness.take(number);
  worker.send(FROM_WORKER.taken, second.id);
  await until(() => harness.pool.held === 0);
  harness.nowMs += 5000;
  harness.pool.sweep();
  assert.equal(lost.ending, "refused");
  harness.assertEmpty();
});

const ANSWERS_BEHIND: readonly { what: string; frames: readonly (keyof typeof FROM_WORKER)[] }[] = [
  { what: "a whole response", frames: ["response"] },
  { what: "a response in parts", frames: ["head", "body", "end"] },
  { what: "the end of a response that has no head", frames: ["end"] },
  { what: "a failure", frames: ["abort"] },
];

for (const { what, frames } of ANSWERS_BEHIND) {
  test(`behind an application that has taken the connection, ${what} is the end of its request`, async (t) => {
    const { harness, worker, client: exchange, id } = await requestBegun(t, "/ws");
    const application = way();
    harness.pool.takeOver(id, application);
    application.onBytes?.(Buffer.from("HTTP/1.1 101 X"));
    for (const frame of frames) worker.send(FROM_WORKER[frame], id, OK);
    await until(() => harness.pool.held === 0);
    assert.deepEqual([exchange.ending, application.destroyed], ["open", false]);
    application.onEnd?.();
    assert.equal(exchange.ending, "taken");
    harness.assertEmpty();
  });
}

test("a worker that dies: what its application has written to the client comes before the end", async (t) => {
  const { harness, worker, client: exchange, id } = await requestBegun(t, "/ws");
  const application = way();
  harness.pool.takeOver(id, application);
  application.onBytes?.(Buffer.from("HTTP/1.1 101 X"));
  worker.die();
  await until(() => harness.pool.held === 0);
  application.onBytes?.(Buffer.from(" last words"));
  application.onEnd?.();
  assert.deepEqual([exchange.tunnelled, exchange.ending], ["HTTP/1.1 101 X last words", "taken"]);
  harness.assertEmpty();
});

test("an application for whose client there is no connection: its request is refused at its end", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const exchange = harness.request("/ws");
  exchange.tunnelUser = { onBytes: () => {}, onDrain: () => {}, onEnd: () => {}, onGone: () => {} };
  const { id } = await harness.take(number);
  const application = way();
  harness.pool.takeOver(id, application);
  assert.equal(application.destroyed, true);
  worker.send(FROM_WORKER.taken, id);
  await until(() => exchange.ending === "refused");
  harness.assertEmpty();
});

/** What the protocol says when an exchange is over. */
function complete(client: MemoryExchange, status: number): boolean {
  const completion = { head: client.head, status, bodyBytes: 7, fieldLines: "", durationUs: 1500.5 };
  return client.completionTaker?.completed(completion) === true;
}

const unclaimed = ({ reports }: PoolHarness) => reports.filter((report) => report.startsWith("unclaimed"));

test("a worker that wants reports gets them, also of a client that left before it was known who has the request", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  worker.sendUInt32(FROM_WORKER.reports, 0, 1);
  const client = harness.request("/served");
  const { id } = await harness.take(number);
  worker.send(response, id, { ...OK, contentLength: 2, body: "ok" });
  await until(() => client.ending === "complete");
  assert.equal(complete(client, 200), true);
  const { stream, payload } = await worker.next(TO_WORKER.completed);
  assert.deepEqual([stream, payload.readUInt16LE(0), payload.readBigUInt64LE(2), payload.readBigUInt64LE(10)], [id, 200, 7n, 1500n]);

  const left = harness.request("/left");
  const taken = await harness.take(number);
  left.onClientLeft?.();
  assert.equal(complete(left, 499), true);
  worker.send(response, taken.id, { ...OK, contentLength: 2, body: "ok" });
  const late = await worker.next(TO_WORKER.completed);
  assert.deepEqual([late.stream, late.payload.readUInt16LE(0)], [taken.id, 499]);
  assert.deepEqual(unclaimed(harness), []);

  const queued = new PoolHarness(t).request("/queued");
  assert.equal(queued.withdraw?.(), true);
  assert.equal(complete(queued, 503), false, "no worker has had it");
});

test("what a worker does not want to hear, or cannot, is nobody's", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const serve = async (target: string) => {
    const client = harness.request(target);
    const { id } = await harness.take(number);
    worker.send(response, id, { ...OK, contentLength: 2, body: "ok" });
    await until(() => client.ending === "complete");
    assert.equal(complete(client, 200), true);
  };
  await serve("/before");
  worker.sendUInt32(FROM_WORKER.reports, 0, 1);
  await serve("/wanted");
  worker.sendUInt32(FROM_WORKER.reports, 0, 0);
  // What was reported before stands before the answer.
  await worker.next(TO_WORKER.completed);
  await worker.next(TO_WORKER.reportsEnd);
  await serve("/behind");
  assert.deepEqual(unclaimed(harness), ["unclaimed 200 /before", "unclaimed 200 /behind"]);

  worker.sendUInt32(FROM_WORKER.reports, 0, 1);
  const [left, lost] = [harness.request("/left"), harness.request("/lost")];
  await harness.take(number);
  left.onClientLeft?.();
  assert.equal(complete(left, 499), true);
  worker.die();
  await until(() => lost.ending !== "open" || harness.reports.some((report) => report.startsWith("lost")));
  await until(() => unclaimed(harness).length === 3);
  assert.equal(unclaimed(harness)[2], "unclaimed 499 /left");
});
