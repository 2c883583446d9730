import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Job } from "../../src/dispatch/dispatcher.ts";
import { PullDispatcher, type PullPort, type SlotClaim } from "../../src/dispatch/pull-dispatcher.ts";
import { SimulatedJob, Simulation } from "./simulated-workers.ts";

const QUARANTINE_MS = 5000;

type Step = readonly [(typeof STEPS)[number], number];

/** What can happen next; the number picks which worker, which job, how many. */
const STEPS = [
  "submit",
  "work",
  "work",
  "work",
  "work",
  "end",
  "end",
  "read",
  "read",
  "flush",
  "flush",
  "pass",
  "spawn",
  "die",
  "die-together",
  "leave",
  "withdraw",
  "rest",
] as const;

function carryOut(simulation: Simulation, [does, at]: Step): void {
  const pick = <T>(from: readonly T[]): T | undefined => from[at % Math.max(1, from.length)];
  const worker = pick(simulation.living);
  switch (does) {
    case "submit":
      simulation.submit(1 + (at % 5));
      break;
    case "work":
      if (worker !== undefined) simulation.stepWorker(worker);
      break;
    case "end":
      if (worker !== undefined) simulation.endCall(worker);
      break;
    case "read": {
      const sender = pick(simulation.workers.filter(({ sent }) => sent.length > 0));
      if (sender !== undefined) simulation.readFrame(sender);
      break;
    }
    case "flush":
      simulation.flush();
      break;
    case "pass":
      simulation.pass(1 + (at % 3));
      break;
    case "rest":
      if (at % 4 === 0) simulation.pass(QUARANTINE_MS);
      break;
    case "spawn":
      if (simulation.living.length < 6) simulation.spawn();
      break;
    case "die": {
      const victim = pick(simulation.workers.filter(({ state }) => state.at !== "gone"));
      if (victim !== undefined) simulation.die(victim);
      break;
    }
    case "die-together":
      if (worker !== undefined) simulation.dieTogether(worker);
      break;
    case "leave":
      if (worker !== undefined) simulation.leave(worker);
      break;
    case "withdraw": {
      const job = pick(simulation.jobs);
      if (job !== undefined) simulation.withdraw(job);
      break;
    }
  }
}

test("model: whatever workers and gateway do in whatever order, no request runs twice, none is forgotten, none waits while a worker sleeps", () => {
  const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...STEPS), fc.nat(1000));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300, size: "max" }),
      fc.record({
        slotCount: fc.constantFrom(3, 8, 1024),
        lookAhead: fc.constantFrom(0, 1, 8),
        lastId: fc.constantFrom(0, 0x7fffffff - 5),
        sleeper: fc.nat(100),
        retries: fc.boolean(),
      }),
      (steps, { sleeper, ...sizes }) => {
        let choices = sleeper;
        const simulation = new Simulation({ ...sizes, choose: (count) => choices++ % count });
        simulation.spawn();
        simulation.spawn();
        for (const next of steps) carryOut(simulation, next);
        simulation.calm();
        // With few slots, or tickets that rest, requests may wait for memory; then only the pipe is judged.
        if (sizes.slotCount === 1024 && sizes.lookAhead > 0) simulation.assertNothingStranded();
        // Whatever happened, the server recovers: with a worker alive and time, every request meets its end.
        simulation.spawn();
        for (let round = 0; round < 2000 && simulation.jobs.some(({ fate }) => fate === "open"); round++) {
          simulation.calm();
          for (const worker of simulation.living) simulation.endCall(worker);
          if (round % 10 === 9) simulation.pass(QUARANTINE_MS);
        }
        for (const job of simulation.jobs) {
          assert.notEqual(job.fate, "open", `request ${job.id} was forgotten`);
          if (job.fate === "answered") assert.equal(job.calls, 1);
          assert.ok(job.deaths <= 2, "a request that has killed two workers is not tried again");
        }
        assert.equal(simulation.dispatcher.open, 0);
        assert.equal(simulation.dispatcher.queued, 0);
      },
    ),
    { numRuns: 1000 },
  );
});

function idleWorkers(count: number, simulation: Simulation): void {
  for (let i = 0; i < count; i++) simulation.spawn();
  simulation.calm();
  assert.ok(simulation.workers.every(({ state }) => state.at === "asleep"));
}

function calling(simulation: Simulation): number {
  return simulation.workers.filter(({ state }) => state.at === "call").length;
}

test("trap: four requests at once find four idle workers", () => {
  const simulation = new Simulation({});
  idleWorkers(4, simulation);
  simulation.submit(4);
  simulation.flush();
  while (simulation.workers.some((worker) => simulation.stepWorker(worker)));
  assert.equal(calling(simulation), 4, "without waiting for any timer");
});

test("trap: workers that fell asleep before their answers were read are woken all the same", () => {
  const simulation = new Simulation({});
  idleWorkers(4, simulation);
  simulation.submit(4);
  simulation.flush();
  while (simulation.workers.some((worker) => simulation.stepWorker(worker)));
  for (const worker of simulation.workers) simulation.endCall(worker);
  while (simulation.workers.some((worker) => simulation.stepWorker(worker)));
  // All four sleep; the gateway still counts them as busy and writes four tickets at once.
  simulation.submit(4);
  simulation.flush();
  simulation.calm();
  assert.equal(calling(simulation), 4);
});

test("trap: tickets voided after a death are no work, though they are counted as out", () => {
  const simulation = new Simulation({});
  const first = simulation.spawn();
  simulation.calm();
  simulation.submit(12);
  // Five more workers come as the first one dies with nine tickets out.
  for (let i = 0; i < 5; i++) simulation.spawn();
  simulation.flush();
  simulation.die(first);
  simulation.calm();
  assert.equal(calling(simulation), 5);
});

test("trap: a worker that sleeps at the pipe before anybody has heard that it is there", () => {
  const simulation = new Simulation({});
  idleWorkers(1, simulation);
  simulation.submit(1);
  simulation.flush();
  const [first] = simulation.workers;
  while (simulation.stepWorker(first!));
  simulation.endCall(first!);
  simulation.spawn();
  while (simulation.workers.some((worker) => simulation.stepWorker(worker)));
  // Both sleep; neither the first one's answer nor the newcomer's READY has been read, so two tickets leave in one write.
  simulation.submit(2);
  simulation.flush();
  simulation.readFrame(first!);
  simulation.calm();
  assert.equal(calling(simulation), 2);
});

for (const how of ["die", "leave"] as const) {
  test(`trap: a woken worker that ${how === "die" ? "dies" : "leaves"} takes its wake-up along`, () => {
    const simulation = new Simulation({});
    idleWorkers(2, simulation);
    const [job] = simulation.submit();
    simulation.flush();
    const woken = simulation.workers.find(({ state }) => state.at === "reading") ?? assert.fail("nobody was woken");
    simulation[how](woken);
    simulation.calm();
    assert.equal(job?.calls, 1, "the other worker has it");
    assert.equal(job?.fate, "open");
  });
}

test("what a dead worker had claimed is lost, what it had only read is given out again", () => {
  const simulation = new Simulation({});
  idleWorkers(1, simulation);
  const [first] = simulation.submit();
  simulation.flush();
  const worker = simulation.workers[0]!;
  simulation.stepWorker(worker); // it has read the ticket
  simulation.die(worker);
  const next = simulation.spawn();
  simulation.calm();
  assert.equal(first?.calls, 1);
  simulation.die(next);
  simulation.calm();
  assert.equal(first?.fate, "lost");
});

test("what a dead worker had only read, and whose client has left meanwhile, is given to nobody", () => {
  const simulation = new Simulation({});
  idleWorkers(1, simulation);
  const [left, stays] = simulation.submit(2);
  simulation.flush();
  const worker = simulation.workers[0]!;
  simulation.stepWorker(worker); // it has read the ticket
  simulation.withdraw(left!);
  simulation.die(worker);
  simulation.spawn();
  simulation.calm();
  assert.deepEqual([left?.fate, left?.calls, stays?.calls], ["dropped", 0, 1]);
  assert.equal(simulation.dispatcher.open, 1);
});

test("more requests than slots: the rest waits and is served", () => {
  const simulation = new Simulation({ slotCount: 3 });
  idleWorkers(2, simulation);
  simulation.submit(20);
  simulation.flush();
  assert.deepEqual([simulation.dispatcher.open, simulation.dispatcher.queued], [3, 17]);
  for (let i = 0; i < 20; i++) {
    simulation.calm();
    for (const worker of simulation.living) simulation.endCall(worker);
  }
  simulation.calm();
  assert.ok(simulation.jobs.every(({ fate }) => fate === "answered"));
});

test("slots that rested are used again, though nothing else happens then", () => {
  const simulation = new Simulation({ slotCount: 1, lookAhead: 0 });
  idleWorkers(1, simulation);
  const [, second] = simulation.submit(2);
  simulation.calm();
  simulation.die(simulation.workers[0]!);
  simulation.spawn();
  simulation.calm();
  assert.equal(second?.calls, 0, "its slot rests");
  simulation.pass(QUARANTINE_MS);
  simulation.calm();
  assert.equal(second?.calls, 1);
});

/** What a Simulation has unless told otherwise. */
const SLOT_COUNT = 64;

test("ids stay within 31 bits, begin again behind the last, are never 0 and never twice out", () => {
  const simulation = new Simulation({ lastId: 0x7fffffff - 3 * SLOT_COUNT });
  idleWorkers(1, simulation);
  const jobs = simulation.submit(6);
  simulation.flush();
  const ids = jobs.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => id > 0 && id <= 0x7fffffff));
  assert.ok(ids[0]! > 0x7fffffff - 4 * SLOT_COUNT, "just below the end");
  assert.ok(ids.at(-1)! < 10 * SLOT_COUNT, "begun again");
  for (const job of jobs) assert.equal(simulation.dispatcher.find(job.id), job);
});

test("withdraw takes only what no worker can have", () => {
  const simulation = new Simulation({ lookAhead: 0 });
  idleWorkers(1, simulation);
  const [out, queued] = simulation.submit(2);
  simulation.flush();
  assert.equal(simulation.dispatcher.withdraw(out!), false);
  assert.equal(simulation.dispatcher.withdraw(queued!), true);
  assert.equal(simulation.dispatcher.withdraw(queued!), false);
  assert.equal(simulation.dispatcher.queued, 0);
});

test("withdrawOlderThan takes those that came before, and leaves the others in order", () => {
  const simulation = new Simulation({});
  const [early] = simulation.submit();
  simulation.pass(100);
  const [late] = simulation.submit();
  assert.deepEqual(simulation.dispatcher.withdrawOlderThan(100), [early]);
  assert.equal(simulation.dispatcher.queued, 1);
  assert.deepEqual(simulation.dispatcher.withdrawOlderThan(101), [late]);
});

/** Only notes the tickets. */
class RecordingPort implements PullPort {
  readonly slotCount: number = 8;
  readonly slotCapacity = 10;
  readonly slots: { head: string; body: string | undefined }[] = [];
  readonly tickets: { headBytes: number | undefined; bodyBytes: number | undefined }[] = [];
  claim = 0;
  started = 0;
  beat = 0;
  writeSlot(_slot: number, _id: number, head: string, body: Buffer | undefined): void {
    this.slots.push({ head, body: body?.toString() });
  }
  voidSlot(): void {}
  readClaim(_slot: number, into: SlotClaim): void {
    into.claim = this.claim;
    into.started = this.started;
    into.beat = this.beat;
  }
  stageTicket(_slot: number, _id: number, headBytes: number | undefined, bodyBytes: number | undefined): void {
    this.tickets.push({ headBytes, bodyBytes });
  }
  sendTickets(): void {}
  sendVoidTicket(): void {}
  scheduleFlush(): void {}
  callAfter(): void {}
}

function job(environ: string, body: string | undefined): Job {
  const made = new SimulatedJob();
  made.environ = environ;
  made.inlineBody = body === undefined ? undefined : Buffer.from(body);
  return made;
}

const FITS = [
  {
    name: "head and body fit",
    environ: "12345678",
    body: "ab",
    slot: { head: "12345678", body: "ab" },
    ticket: { headBytes: 8, bodyBytes: 2 },
  },
  { name: "no body", environ: "1234567890", body: "", slot: { head: "1234567890", body: "" }, ticket: { headBytes: 10, bodyBytes: 0 } },
  {
    name: "the body does not fit beside the head",
    environ: "12345678",
    body: "abc",
    slot: { head: "12345678", body: undefined },
    ticket: { headBytes: 8, bodyBytes: undefined },
  },
  {
    name: "the body comes through the channel",
    environ: "1",
    body: undefined,
    slot: { head: "1", body: undefined },
    ticket: { headBytes: 1, bodyBytes: undefined },
  },
  {
    name: "the head does not fit",
    environ: "12345678901",
    body: "",
    slot: { head: "", body: "" },
    ticket: { headBytes: undefined, bodyBytes: 0 },
  },
];

for (const { name, environ, body, slot, ticket } of FITS) {
  test(`a slot holds what fits: ${name}`, () => {
    const port = new RecordingPort();
    const dispatcher = new PullDispatcher(port, 8);
    dispatcher.workerReady(1);
    dispatcher.submit(job(environ, body));
    dispatcher.flush(0);
    assert.deepEqual(port.slots, [slot]);
    assert.deepEqual(port.tickets, [ticket]);
  });
}

const OVERDUE = [
  { name: "not claimed", claim: 0, started: 0, nowMs: 10_000, agoMs: undefined },
  { name: "claimed, not started", claim: 1, started: 0, nowMs: 10_000, agoMs: undefined },
  { name: "started just now", claim: 1, started: 9_001, nowMs: 10_000, agoMs: undefined },
  { name: "started long ago", claim: 1, started: 5_001, nowMs: 10_000, agoMs: 4_999 },
  { name: "started before the clock's low 32 bits began again", claim: 1, started: 0xffffffff, nowMs: 2 ** 32 + 4_000, agoMs: 4_001 },
  { name: "started long ago, its process alive a moment ago", claim: 1, started: 5_001, beat: 9_001, nowMs: 10_000, agoMs: undefined },
  { name: "started long ago, its process silent for less long", claim: 1, started: 5_001, beat: 7_001, nowMs: 10_000, agoMs: 2_999 },
  { name: "started in the future by a rounding", claim: 1, started: 10_001, nowMs: 10_000, agoMs: undefined },
];

for (const { name, claim, started, beat = 0, nowMs, agoMs } of OVERDUE) {
  test(`overdue: ${name}`, () => {
    const port = new RecordingPort();
    const dispatcher = new PullDispatcher(port, 8);
    dispatcher.workerReady(1);
    dispatcher.submit(job("1", ""));
    dispatcher.flush(0);
    port.claim = claim;
    port.started = started;
    port.beat = beat;
    assert.deepEqual(
      dispatcher.overdue(nowMs, 2_000).map(({ worker, silentMs }) => ({ worker, silentMs })),
      agoMs === undefined ? [] : [{ worker: 1, silentMs: agoMs }],
    );
  });
}

test("what runs for long is told of, though its process shows life", () => {
  const port = new RecordingPort();
  const dispatcher = new PullDispatcher(port, 8);
  dispatcher.workerReady(1);
  dispatcher.submit(job("1", ""));
  dispatcher.flush(0);
  const running = () => dispatcher.runningLongerThan(10_000, 2_000).map(({ worker, ageMs }) => ({ worker, ageMs }));
  assert.deepEqual(running(), []);
  Object.assign(port, { claim: 1, started: 5_001, beat: 9_001 });
  assert.deepEqual(running(), [{ worker: 1, ageMs: 4_999 }]);
  assert.deepEqual(dispatcher.runningLongerThan(10_000, 4_999), []);
});

test("when a worker took a request: looked up only where the ticket may have waited", () => {
  const port = new RecordingPort();
  const dispatcher = new PullDispatcher(port, 8);
  dispatcher.workerReady(1);
  const request = job("1", "");
  dispatcher.submit(request);
  dispatcher.flush(0);
  Object.assign(port, { claim: 1, started: 5 });
  const startedMs = (nowMs: number, roughMs = 1) => dispatcher.startedMs(request.id, nowMs, roughMs);
  assert.equal(startedMs(0.5), 0, "just handed out");
  assert.equal(startedMs(20.5, 21), 0, "as good as just handed out");
  assert.equal(startedMs(20.5), 5, "to the millisecond");
  assert.equal(startedMs(4.9), 4.9, "its lowest bit was set: it is answered before it has begun");
  Object.assign(port, { claim: 0, started: 0 });
  assert.equal(startedMs(20.5), 0, "not started");
  assert.equal(dispatcher.startedMs(request.id + 1, 20, 1), undefined);
  dispatcher.finished(request.id);
  assert.equal(startedMs(20.5), undefined);
});

test("when a worker took a request, while the clock's low 32 bits begin again", () => {
  const port = new RecordingPort();
  const dispatcher = new PullDispatcher(port, 8);
  const waiting = { ...job("1", ""), queuedMs: 2 ** 32 - 100 };
  dispatcher.submit(waiting);
  dispatcher.workerReady(1);
  dispatcher.flush(2 ** 32 - 50);
  port.started = 51;
  assert.equal(dispatcher.startedMs(waiting.id, 2 ** 32 + 500, 1), 2 ** 32 + 51);
  // Rounded down by the worker.
  port.started = 2 ** 32 - 51;
  assert.equal(dispatcher.startedMs(waiting.id, 2 ** 32 + 500, 1), 2 ** 32 - 50);
});

for (const step of ["check", "claim", "check-again", "start", "call"] as const) {
  test(`a worker that dies at the step "${step}" of its claim: what it had not begun another one has, the rest is lost or tried once more`, () => {
    for (const retries of [false, true]) {
      const simulation = new Simulation({ retries });
      idleWorkers(2, simulation);
      const [request] = simulation.submit();
      simulation.flush();
      const victim = simulation.workers.find(({ state }) => state.at === "reading") ?? assert.fail();
      while (victim.state.at !== step) simulation.stepWorker(victim);
      simulation.die(victim);
      simulation.readFrame(victim);
      simulation.calm();
      // The claim is written when the step after it begins, and what is claimed may have begun.
      const mayHaveBegun = step === "check-again" || step === "start" || step === "call";
      const isLost = mayHaveBegun && !retries;
      assert.equal(request?.fate, isLost ? "lost" : "open");
      assert.equal(simulation.workers.filter(({ state }) => state.at === "call").length, isLost ? 0 : 1);
      if (!isLost) {
        for (const worker of simulation.living) simulation.endCall(worker);
        simulation.calm();
        assert.equal(request?.fate, "answered");
      }
    }
  });
}

/** Notes how many tickets of each batch get a write of their own, and the wake-ups. */
class CountingPort extends RecordingPort {
  readonly singly: number[] = [];
  readonly timers: (() => void)[] = [];
  wakeUps = 0;
  override sendTickets(...[singly]: number[]): void {
    this.singly.push(singly!);
  }
  override sendVoidTicket(): void {
    this.wakeUps++;
  }
  override callAfter(...[, callback]: [number, () => void] | []): void {
    this.timers.push(callback!);
  }
}

test("of workers that share an interpreter one sleeps at the pipe: one ticket wakes it", () => {
  const port = new CountingPort();
  const dispatcher = new PullDispatcher(port, 8);
  for (const [worker, group] of [
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 4],
  ] as const)
    dispatcher.workerReady(worker, group);
  // The first two are written as they come, the rest with the end of the turn.
  for (let i = 0; i < 6; i++) dispatcher.submit(job("1", ""));
  assert.deepEqual(port.singly, [1, 1]);
  dispatcher.flush(0);
  assert.deepEqual([port.singly, dispatcher.open], [[1, 1, 1], 6]);
  for (const timer of port.timers.splice(0)) timer();
  assert.equal(port.wakeUps, 2, "nobody has claimed: one wake-up for each group");
});

test("a group is there until its last worker has gone", () => {
  const port = new CountingPort();
  const dispatcher = new PullDispatcher(port, 0);
  dispatcher.workerReady(1, 1);
  dispatcher.workerReady(2, 1);
  dispatcher.workerReady(2, 1);
  dispatcher.workerLeaving(1);
  assert.equal(dispatcher.workers, 1);
  dispatcher.submit(job("1", ""));
  assert.deepEqual([port.singly, dispatcher.open], [[0], 1]);
  dispatcher.workerLeaving(2);
  dispatcher.workerLost(2);
  dispatcher.submit(job("1", ""));
  assert.deepEqual([port.singly, dispatcher.queued, dispatcher.workers], [[0], 1, 0]);
});

/** Memory for more tickets than are ever out. */
class RoomyPort extends RecordingPort {
  override readonly slotCount = 1024;
}

/** What one worker answers in each millisecond, for as long as given; more requests wait than can be given out. */
class Answering {
  readonly dispatcher: PullDispatcher;
  nowMs = 1_000;
  readonly #waiting: Job[] = [];

  constructor(lookAhead: number) {
    this.dispatcher = new PullDispatcher(new RoomyPort(), lookAhead);
    this.dispatcher.workerReady(1);
  }

  run(perMs: number, ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#flush();
      for (let answered = 0; answered < perMs; answered++) {
        this.dispatcher.finished(this.#waiting.shift()?.id ?? assert.fail());
        this.#flush();
      }
      this.nowMs++;
    }
    this.#flush();
  }

  #flush(): void {
    while (this.dispatcher.queued < 1_024) {
      const next = job("1", "");
      this.#waiting.push(next);
      this.dispatcher.submit(next);
    }
    this.dispatcher.flush(this.nowMs);
  }

  /** Tickets beyond the worker's own. */
  get ahead(): number {
    return this.dispatcher.open - this.dispatcher.workers;
  }
}

const LOOK_AHEAD = [
  { lookAhead: 8, perMs: 0, ahead: 8 },
  { lookAhead: 8, perMs: 1, ahead: 8 },
  { lookAhead: 8, perMs: 8, ahead: 8 },
  { lookAhead: 8, perMs: 40, ahead: 40 },
  { lookAhead: 64, perMs: 40, ahead: 64 },
  { lookAhead: 8, perMs: 127, ahead: 127 },
  { lookAhead: 8, perMs: 500, ahead: 128 },
  { lookAhead: 200, perMs: 500, ahead: 200 },
  { lookAhead: 0, perMs: 0, ahead: 0 },
];

for (const { lookAhead, perMs, ahead } of LOOK_AHEAD) {
  test(`${perMs} answers in a millisecond with look_ahead ${lookAhead}: ${ahead} tickets ahead`, () => {
    const answering = new Answering(lookAhead);
    answering.run(perMs, 20);
    assert.equal(answering.ahead, ahead);
  });
}

test("one answer just before a long request is no rate: nobody is to wait behind that", () => {
  const answering = new Answering(0);
  answering.run(1, 1);
  answering.run(0, 20);
  assert.equal(answering.ahead, 0);
});

test("tickets ahead follow the rate: few again when answers become slow, many again when they become fast", () => {
  const answering = new Answering(8);
  for (const { perMs, ahead } of [
    { perMs: 60, ahead: 60 },
    { perMs: 2, ahead: 8 },
    { perMs: 90, ahead: 90 },
  ]) {
    // What is out beyond the new number is answered, not taken back.
    answering.run(perMs, 100);
    assert.equal(answering.ahead, ahead);
  }
});

test("what waits: tickets that nobody has begun, then the queue; the list is bounded, the count is not", () => {
  const port = new RecordingPort();
  const dispatcher = new PullDispatcher(port, 1);
  dispatcher.workerReady(1);
  const jobs = ["1", "2", "3", "4"].map((environ) => job(environ, ""));
  for (const each of jobs) dispatcher.submit(each);
  dispatcher.flush(0);
  assert.deepEqual(dispatcher.waiting(10), { first: jobs, count: 4 });
  assert.deepEqual(dispatcher.waiting(3), { first: jobs.slice(0, 3), count: 4 });
  assert.deepEqual(dispatcher.waiting(1), { first: jobs.slice(0, 1), count: 4 });
  // The port says of all tickets that they are claimed and begun.
  Object.assign(port, { claim: 1, started: 5_001 });
  assert.deepEqual(dispatcher.waiting(10), { first: jobs.slice(2), count: 2 });
});
