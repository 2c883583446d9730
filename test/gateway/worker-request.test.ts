import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Websockets } from "../../src/gateway/websockets.ts";
import { WorkerLink } from "../../src/gateway/worker-link.ts";
import { type RequestOwner, WorkerRequest } from "../../src/gateway/worker-request.ts";
import type { Completion } from "../../src/request/exchange.ts";
import type { BodyFraming } from "../../src/request/request-head.ts";
import { FROM_WORKER, TO_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { temporaryDirectory, unbounded, until } from "./spool-directory.ts";

const ID = 9;
const OK = { status: "200 OK", head: "A: b\r\n" };
const FIVE: BodyFraming = { kind: "length", bytes: 5 };
const { response, head, body, hints, fetchHead, credit } = FROM_WORKER;

/** A pool that notes what its request asks. */
class NotedOwner implements RequestOwner {
  readonly requestSpool;
  readonly responseSpool;
  readonly responseWindowBytes = 262144;
  readonly tellsFin = false;
  readonly websockets = new Websockets(1e6);
  retriesSafe = false;
  readonly asked: string[] = [];
  /** The request is still in the queue. */
  queued = true;

  constructor(directory: string) {
    const spool = {
      memoryBytes: 1000,
      memoryBudget: unbounded(),
      fileBytes: 0,
      budget: { usedBytes: 0, maxBytes: 0 },
      directory,
      onDiskError: () => {},
    };
    this.requestSpool = spool;
    this.responseSpool = spool;
  }

  enqueue(): void {
    this.asked.push("enqueue");
  }
  withdraw(): boolean {
    return this.queued;
  }
  left(): void {
    this.asked.push("left");
  }
  tryAgain(): void {
    this.asked.push("try again");
  }
  startedMs(): undefined {
    return undefined;
  }
  reportCompleted({ worker }: WorkerLink, id: number, { status }: Completion): void {
    this.asked.push(`completed worker=${worker} id=${id} status=${status}`);
  }
  reportUnclaimed({ status }: Completion): void {
    this.asked.push(`unclaimed status=${status}`);
  }
}

function asked(t: TestContext, framing?: BodyFraming, method = "POST") {
  const owner = new NotedOwner(temporaryDirectory(t));
  const client = new MemoryExchange(requestHead(method, "/", framing));
  const request = new WorkerRequest(client, "environ", owner);
  return { owner, client, request };
}

/** A request that a worker has; its frames reach the request as the pool passes them on. A frame that breaks the contract ends the channel. */
async function withWorker(t: TestContext, framing?: BodyFraming, method = "POST") {
  const { owner, client, request } = asked(t, framing, method);
  const worker = await FakeWorker.connect(t, temporaryDirectory(t));
  const seen: { frames: number; lost: string | undefined } = { frames: 0, lost: undefined };
  const link = new WorkerLink(1, 4711, worker.gatewayHandle, {
    onFrame: (from, frame) => {
      seen.frames++;
      if (frame.type === response) request.onResponse(from, frame);
      else if (frame.type === head) request.onHead(from, frame);
      else if (frame.type === body) request.onBody(frame);
      else if (frame.type === hints) request.onHints(frame);
      else if (frame.type === fetchHead) request.onFetchHead(from);
      else if (frame.type === credit) request.onCredit(from, frame);
    },
    onDrain: () => {},
    onLost: (_link, reason) => {
      seen.lost = reason;
    },
    onFault: (error) => {
      throw error;
    },
  });
  t.after(() => link.giveUp("the test is over"));
  request.begin(false);
  request.id = ID;
  owner.queued = false;
  owner.asked.length = 0;
  return { owner, client, request, worker, seen, link };
}

test("without a body it waits for a worker at once, with an empty body beside its head", (t) => {
  const { owner, request } = asked(t);
  request.begin(true);
  request.settleBody(100);
  assert.deepEqual([owner.asked, request.inlineBody?.length], [["enqueue"], 0]);
});

for (const { name, begin, before } of [
  { name: "is gathered first", begin: (request: WorkerRequest) => request.begin(true), before: [] },
  { name: "is not waited for without buffering", begin: (request: WorkerRequest) => request.begin(false), before: ["enqueue"] },
  {
    name: "is not waited for any longer",
    begin: (request: WorkerRequest) => {
      request.begin(true);
      request.bodyWaitOver(request.arrivedMs);
    },
    before: ["enqueue"],
  },
]) {
  test(`a body ${name}; it is queued once`, (t) => {
    const { owner, client, request } = asked(t, FIVE);
    begin(request);
    client.send(Buffer.from("hel"));
    assert.deepEqual(owner.asked, before);
    client.send(Buffer.from("lo"));
    client.endBody();
    assert.deepEqual(owner.asked, ["enqueue"]);
  });
}

for (const { room, inline } of [
  { room: 5, inline: "hello" },
  { room: 4, inline: undefined },
]) {
  test(`a body of 5 bytes with room for ${room} in the slot`, (t) => {
    const { client, request } = asked(t, FIVE);
    request.begin(true);
    client.send(Buffer.from("hello"));
    client.endBody();
    request.settleBody(room);
    assert.equal(request.inlineBody?.toString(), inline);
  });
}

test("at its end what still comes of the body is dropped", (t) => {
  const { client, request } = asked(t, FIVE);
  request.begin(false);
  client.send(Buffer.from("hel"));
  assert.equal(client.bodyDropped, false);
  request.onWorkerLost();
  assert.equal(client.bodyDropped, true);
});

test("a client that leaves the queue: forgotten, counted out once, not answered", (t) => {
  const { owner, client, request } = asked(t);
  request.begin(true);
  client.leave();
  assert.deepEqual([owner.asked, client.status], [["enqueue", "left"], ""]);
});

test("its protocol may take it back as long as no worker can have it", (t) => {
  const { owner, client, request } = asked(t);
  request.begin(true);
  request.id = ID;
  assert.equal(client.withdraw?.(), false);
  request.id = 0;
  owner.queued = false;
  assert.equal(client.withdraw?.(), false);
  assert.deepEqual(owner.asked, ["enqueue"]);
  owner.queued = true;
  assert.equal(client.withdraw?.(), true);
  assert.deepEqual(owner.asked, ["enqueue", "left"]);
});

test("expired in the queue: 503 with the time to try again, counted out", (t) => {
  const { owner, client, request } = asked(t);
  request.begin(true);
  request.expire(3);
  assert.deepEqual([client.status, client.fieldLines, client.ending], ["503 Service Unavailable", "Retry-After: 3\r\n", "refused"]);
  assert.deepEqual(owner.asked, ["enqueue", "left"]);
});

test("hints, head and body reach the client, and the worker's pid its log", async (t) => {
  const { client, request, worker } = await withWorker(t);
  worker.send(hints, ID, { status: "103 Early Hints", head: "Link: x\r\n" });
  worker.send(head, ID, { ...OK, body: "first " });
  worker.send(body, ID, { body: "second" });
  await until(() => client.received.length === 12);
  request.onEnd();
  assert.deepEqual(
    [client.hints.length, client.status, client.fieldLines, client.received.toString()],
    [1, "200 OK", "A: b\r\n", "first second"],
  );
  assert.deepEqual([client.ending, client.workerPid], ["complete", 4711]);
});

for (const { name, second } of [
  { name: "another head", second: head },
  { name: "a whole response", second: response },
]) {
  test(`a head and then ${name}: the worker breaks the contract`, async (t) => {
    const { client, worker, seen } = await withWorker(t);
    worker.send(head, ID, OK);
    worker.send(second, ID, OK);
    await until(() => seen.lost !== undefined);
    assert.equal(seen.lost, "a second head for one request");
    assert.equal(client.ending, "open", "what becomes of it is decided with its worker's end");
  });
}

test("a client that left before its worker spoke: the worker is told, and its answer dropped", async (t) => {
  const { client, request, worker, owner, seen } = await withWorker(t);
  client.leave();
  worker.send(fetchHead, ID);
  assert.equal((await worker.next(TO_WORKER.cancel)).stream, ID);
  assert.equal((await worker.next(TO_WORKER.head)).payload.toString(), "environ", "it waits for the head and must have it");
  worker.send(hints, ID, { status: "103 Early Hints", head: "" });
  worker.send(head, ID, { ...OK, body: "x" });
  worker.send(body, ID, { body: "y" });
  worker.send(response, ID, OK);
  await until(() => seen.frames === 5);
  request.onEnd();
  request.onAbort();
  request.onWorkerLost();
  assert.deepEqual([client.status, client.hints, client.received.length], ["", [], 0]);
  assert.deepEqual([seen.lost, owner.asked], [undefined, ["left"]]);
});

test("a client that leaves amid the response: the worker is told, the rest dropped", async (t) => {
  const { client, worker, seen } = await withWorker(t);
  worker.send(head, ID, { ...OK, body: "first" });
  await until(() => client.received.length > 0);
  client.leave();
  assert.equal((await worker.next(TO_WORKER.cancel)).stream, ID);
  worker.send(body, ID, { body: "rest" });
  await until(() => seen.frames === 2);
  assert.equal(client.received.toString(), "first");
});

test("the body goes to the worker as far as it has granted", async (t) => {
  const { client, worker } = await withWorker(t, FIVE);
  client.send(Buffer.from("hello"));
  client.endBody();
  worker.sendUInt32(credit, ID, 3);
  assert.equal((await worker.next(TO_WORKER.body)).payload.toString(), "hel");
  worker.sendUInt32(credit, ID, 100);
  assert.deepEqual(await worker.readBody(ID), { body: Buffer.from("lo"), short: false });
});

const ENDS = [
  { name: "ends without a head", end: (request: WorkerRequest) => request.onEnd(), status: "502 Bad Gateway" },
  { name: "gives up without a head", end: (request: WorkerRequest) => request.onAbort(), status: "502 Bad Gateway" },
  { name: "dies", end: (request: WorkerRequest) => request.onWorkerLost(), status: "502 Bad Gateway" },
  {
    name: "is killed because it took too long",
    end: (request: WorkerRequest) => {
      request.late = true;
      request.onWorkerLost();
    },
    status: "504 Gateway Timeout",
  },
];

for (const { name, end, status } of ENDS) {
  test(`a worker that ${name}: ${status}`, async (t) => {
    const { client, request } = await withWorker(t);
    end(request);
    assert.deepEqual([client.status, client.ending], [status, "refused"]);
  });
}

for (const { name, end } of [
  { name: "gives up", end: (request: WorkerRequest) => request.onAbort() },
  { name: "dies, though overdue", end: ENDS.at(-1)!.end },
]) {
  test(`a worker that ${name} behind the head: the response is cut`, async (t) => {
    const { client, request, worker } = await withWorker(t);
    worker.send(head, ID, { ...OK, body: "part" });
    await until(() => client.received.length > 0);
    end(request);
    assert.deepEqual([client.status, client.ending], ["200 OK", "cut"]);
  });
}

const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];

for (const method of [...SAFE, "POST", "PUT", "DELETE", "PATCH", "get"]) {
  test(`${method} whose worker died in it, with retry_safe_requests: ${SAFE.includes(method) ? "tried again, once" : "502"}`, async (t) => {
    const { owner, client, request } = await withWorker(t, undefined, method);
    owner.retriesSafe = true;
    request.id = ID;
    request.onWorkerLost();
    if (SAFE.includes(method)) {
      assert.deepEqual([request.id, client.ending, owner.asked.at(-1)], [0, "open", "try again"]);
      request.id = ID + 1;
      request.onWorkerLost();
    }
    assert.deepEqual([client.status, owner.asked.filter((what) => what === "left").length], ["502 Bad Gateway", 1]);
    assert.equal(owner.asked.filter((what) => what === "try again").length, SAFE.includes(method) ? 1 : 0);
  });
}

const NOT_AGAIN: readonly { name: string; framing?: BodyFraming; before: (have: Awaited<ReturnType<typeof withWorker>>) => unknown }[] = [
  {
    name: "of whose answer something was sent",
    before: async ({ worker, client }) => {
      worker.send(head, ID, { ...OK, body: "part" });
      await until(() => client.received.length > 0);
    },
  },
  {
    name: "that was answered by early hints",
    before: async ({ worker, client }) => {
      worker.send(hints, ID, { status: "103 Early Hints", head: "Link: x\r\n" });
      await until(() => client.hints.length > 0);
    },
  },
  { name: "that was over its time", before: ({ request }) => Object.assign(request, { late: true }) },
  { name: "whose client has left", before: ({ client }) => client.onClientLeft?.() },
  { name: "whose body streams", framing: FIVE, before: () => {} },
];

for (const { name, framing, before } of NOT_AGAIN) {
  test(`a request ${name} is not tried again`, async (t) => {
    const have = await withWorker(t, framing, "GET");
    have.owner.retriesSafe = true;
    have.request.id = ID;
    await before(have);
    have.request.onWorkerLost();
    assert.ok(!have.owner.asked.includes("try again"));
  });
}

test("cut short without a head: 504 at once, once; what its worker still says goes nowhere", async (t) => {
  const { owner, client, request, worker, seen } = await withWorker(t);
  assert.equal(request.cutShort(), true);
  assert.deepEqual([client.status, client.ending], ["504 Gateway Timeout", "refused"]);
  assert.equal(request.cutShort(), false);
  worker.send(response, ID, { ...OK, contentLength: 4, body: "late" });
  await until(() => seen.frames === 1);
  request.onWorkerLost();
  assert.deepEqual([client.status, client.received.length, seen.lost], ["504 Gateway Timeout", 0, undefined]);
  assert.deepEqual(
    owner.asked.filter((what) => what !== "enqueue"),
    ["left"],
  );
});

test("cut short behind its head: the response is cut, and its worker is told that nobody reads", async (t) => {
  const { client, request, worker } = await withWorker(t);
  request.id = ID;
  worker.send(head, ID, { ...OK, body: "part" });
  await until(() => client.received.length > 0);
  request.cutShort();
  assert.deepEqual([client.status, client.ending], ["200 OK", "cut"]);
  assert.equal((await worker.next(TO_WORKER.cancel)).stream, ID);
});

test("a late request that its worker ends without a head: 504", async (t) => {
  const { client, request } = await withWorker(t);
  request.late = true;
  request.onAbort();
  assert.equal(client.status, "504 Gateway Timeout");
});

for (const { name, end, expected } of [
  { name: "dies with it: the line is not lost with the worker", end: "dies", expected: "unclaimed status=504" },
  { name: "ends it: the worker is told then", end: "ends", expected: `completed worker=1 id=${ID} status=504` },
] as const) {
  test(`what became of a request that its worker still has, which ${name}`, async (t) => {
    const { owner, request, worker, seen, link } = await withWorker(t);
    worker.send(head, ID, OK);
    await until(() => seen.frames === 1);
    assert.equal(request.cutShort(), true);
    const completion = { head: request.stream.head, status: 504, bodyBytes: 0, fieldLines: "", durationUs: 1 };
    assert.equal(request.completed(completion), true);
    assert.deepEqual(owner.asked, []);
    if (end === "dies") request.onWorkerLost();
    else request.endedBy(link);
    assert.deepEqual(
      owner.asked.filter((each) => each !== "left"),
      [expected],
    );
  });
}
