import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApplicationEnd } from "../../src/gateway/taken-connection.ts";
import { FRAME_BYTES_MAX, FROM_WORKER, TO_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import type { MemoryExchange } from "./memory-exchange.ts";
import { PoolHarness, requestBegun } from "./pool-harness.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const { response, head, body, end, file, hints, abort, credit, leaving, pong, fetchHead } = FROM_WORKER;
const OK = { status: "200 OK", head: "A: b\r\n" };

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
