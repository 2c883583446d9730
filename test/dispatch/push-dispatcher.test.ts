/**
 * A model of push dispatch: workers with channels that deliver late, start requests or not, answer, stall, leave and die at any
 * moment, clients that leave, and a gateway that must serve every request at most once, and lose none that was not begun.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Job } from "../../src/dispatch/dispatcher.ts";
import { EntryIds } from "../../src/dispatch/entry-ids.ts";
import { PushDispatcher, type PushPort } from "../../src/dispatch/push-dispatcher.ts";

const ENTRIES = 8;
const PER_WORKER = 3;

class ModelJob implements Job {
  readonly environ = "head";
  readonly inlineBody = undefined;
  readonly queuedMs: number;
  id = 0;
  starts = 0;
  abandoned = false;
  ending: "waiting" | "answered" | "lost" | "withdrawn" | "dropped" = "waiting";

  constructor(queuedMs: number) {
    this.queuedMs = queuedMs;
  }

  onDropped(): void {
    assert.equal(this.ending, "waiting", "dropped once, and not after its answer");
    assert.ok(this.abandoned && this.starts === 0, "only a request that nobody waits for is dropped, and before it runs");
    this.ending = "dropped";
  }

  onWorkerLost(): void {
    assert.equal(this.ending, "waiting", "lost once, and not after its answer");
    this.ending = "lost";
    this.onLost?.();
  }

  onLost: (() => void) | undefined;
}

interface ModelWorker {
  readonly number: number;
  /** Sent to it, not read yet. */
  readonly inbox: ModelJob[];
  /** `lasts`: it has become a WebSocket. */
  readonly running: { job: ModelJob; id: number; lasts: boolean }[];
  stalled: boolean;
  /** LEAVING was sent; what is on its way is still served. */
  leaving: boolean;
}

class Model implements PushPort {
  readonly entries = new Array<number>(ENTRIES).fill(0);
  readonly workers = new Map<number, ModelWorker>();
  readonly jobs: ModelJob[] = [];
  readonly idsUnderWay = new Set<number>();
  readonly dispatcher: PushDispatcher;
  nowMs = 0;
  #lastWorker = 0;

  constructor() {
    this.dispatcher = new PushDispatcher(this, PER_WORKER, () => this.nowMs, new EntryIds(ENTRIES));
  }

  push(number: number, job: Job): void {
    const worker = this.workers.get(number) ?? assert.fail("a request for a worker that is gone");
    assert.ok(!worker.leaving, "a request for a worker that leaves");
    assert.ok(!worker.stalled, "a request for a channel that is full");
    assert.ok(counted(worker) < PER_WORKER, "more requests than one worker may have");
    const others = [...this.workers.values()].filter((other) => !other.leaving && !other.stalled);
    const least = Math.min(...others.map((other) => other.inbox.length + other.running.length));
    assert.equal(worker.inbox.length + worker.running.length, least, "least outstanding first");
    assert.ok(!this.idsUnderWay.has(job.id), "an id that is in use");
    this.idsUnderWay.add(job.id);
    worker.inbox.push(job as ModelJob);
  }

  takes(number: number): boolean {
    return this.workers.get(number)?.stalled === false;
  }

  readEntry(entry: number): number {
    return this.entries[entry] ?? assert.fail();
  }

  // --- what happens ------------------------------------------------------------------------------------------------

  addWorker(): void {
    const number = ++this.#lastWorker;
    this.workers.set(number, { number, inbox: [], running: [], stalled: false, leaving: false });
    this.dispatcher.workerReady(number);
  }

  submit(): void {
    const job = new ModelJob(++this.nowMs);
    this.jobs.push(job);
    this.dispatcher.submit(job);
  }

  pick(choice: number): ModelWorker | undefined {
    const all = [...this.workers.values()];
    return all[choice % Math.max(1, all.length)];
  }

  /** The worker reads one request and calls the application. */
  begin(worker: ModelWorker): void {
    const job = worker.inbox.shift();
    if (job === undefined) return;
    this.entries[job.id % ENTRIES] = job.id;
    job.starts++;
    worker.running.push({ job, id: job.id, lasts: false });
  }

  /** The application accepts a WebSocket. */
  accept(worker: ModelWorker): void {
    const one = worker.running.find(({ lasts }) => !lasts);
    if (one === undefined) return;
    one.lasts = true;
    this.dispatcher.outlasts(one.id);
    // Saying it twice changes nothing.
    this.dispatcher.outlasts(one.id);
  }

  answer(worker: ModelWorker): void {
    const done = worker.running.shift();
    if (done === undefined) return;
    assert.equal(this.dispatcher.find(done.id), done.job);
    done.job.ending = "answered";
    this.idsUnderWay.delete(done.id);
    this.dispatcher.finished(done.id);
  }

  leave(worker: ModelWorker): void {
    worker.leaving = true;
    this.dispatcher.workerLeaving(worker.number);
  }

  /** @param alive  The gateway closed the channel: the worker still reads what it has. */
  lose(worker: ModelWorker, alive: boolean): void {
    this.workers.delete(worker.number);
    for (const { id } of worker.running) this.idsUnderWay.delete(id);
    for (const { id } of worker.inbox) this.idsUnderWay.delete(id);
    const [running, inbox] = [worker.running.map(({ job }) => job), [...worker.inbox]];
    const lost = this.dispatcher.workerLost(worker.number, alive);
    assert.deepEqual(new Set(lost), new Set(alive ? [...running, ...inbox] : running), "each lost one is named, and no other");
    for (const job of running) assert.equal(job.ending, "lost", "what it had begun is nobody else's");
    for (const job of inbox) assert.equal(job.ending, alive ? "lost" : job.abandoned ? "dropped" : "waiting");
  }

  withdraw(choice: number): void {
    const waiting = this.jobs.filter(({ ending }) => ending === "waiting");
    const job = waiting[choice % Math.max(1, waiting.length)];
    if (job === undefined) return;
    if (this.dispatcher.withdraw(job)) job.ending = "withdrawn";
    else {
      assert.notEqual(job.id, 0);
      job.abandoned = true;
    }
  }

  check(): void {
    const inWorkers = [...this.workers.values()].reduce((sum, { inbox, running }) => sum + inbox.length + running.length, 0);
    assert.equal(this.dispatcher.open, inWorkers);
    assert.equal(this.dispatcher.queued + inWorkers, this.jobs.filter(({ ending }) => ending === "waiting").length);
    assert.equal(this.dispatcher.workers, [...this.workers.values()].filter(({ leaving }) => !leaving).length);
    for (const job of this.jobs) assert.ok(job.starts <= 1, "an application was called twice");
    const room = [...this.workers.values()].some((worker) => !worker.leaving && !worker.stalled && counted(worker) < PER_WORKER);
    if (this.dispatcher.queued > 0) assert.ok(!room || inWorkers === ENTRIES, "a request waits although a worker has room");
  }
}

/** Requests that count against what a worker may have at once. */
function counted({ inbox, running }: ModelWorker): number {
  return inbox.length + running.filter(({ lasts }) => !lasts).length;
}

type Step = readonly [
  does: "submit" | "ready" | "begin" | "answer" | "accept" | "leave" | "die" | "break" | "stall" | "drain" | "withdraw",
  choice: number,
];

const step = fc.tuple(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step[0]>("submit", "begin", "answer") },
    { weight: 1, arbitrary: fc.constantFrom<Step[0]>("accept", "ready", "leave", "die", "break", "stall", "drain", "withdraw") },
  ),
  fc.nat(20),
) satisfies fc.Arbitrary<Step>;

function take(model: Model, [does, choice]: Step): void {
  if (does === "submit") model.submit();
  else if (does === "ready") model.addWorker();
  else if (does === "withdraw") model.withdraw(choice);
  const worker = model.pick(choice);
  if (worker === undefined) return;
  if (does === "begin") model.begin(worker);
  else if (does === "answer") model.answer(worker);
  else if (does === "accept") model.accept(worker);
  else if (does === "leave") model.leave(worker);
  else if (does === "die" || does === "break") model.lose(worker, does === "break");
  else if (does === "stall") worker.stalled = true;
  else if (does === "drain") {
    worker.stalled = false;
    model.dispatcher.flush();
  }
}

test("whatever workers and clients do, each request is begun at most once and none is forgotten", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const model = new Model();
      model.addWorker();
      for (const one of steps) {
        take(model, one);
        model.check();
      }
      // With workers that serve, all that was not lost is answered.
      for (const worker of [...model.workers.values()]) if (worker.stalled || worker.leaving) model.lose(worker, false);
      model.addWorker();
      for (let turns = 0; model.jobs.some(({ ending }) => ending === "waiting"); turns++) {
        assert.ok(turns < 1000, "a request is never answered");
        for (const worker of model.workers.values()) {
          model.begin(worker);
          model.answer(worker);
        }
      }
      assert.equal(model.dispatcher.open, 0);
    }),
    { numRuns: 500 },
  );
});

test("what a dead worker had not begun goes first, in the order in which it came", () => {
  const model = new Model();
  model.addWorker();
  for (let n = 0; n < 5; n++) model.submit();
  model.lose(model.pick(0) ?? assert.fail(), false);
  model.addWorker();
  const worker = model.pick(0) ?? assert.fail();
  assert.deepEqual(
    worker.inbox.map(({ queuedMs }) => queuedMs),
    [1, 2, 3],
  );
});

test("what a dead worker had not begun and nobody waits for is dropped", () => {
  const model = new Model();
  model.addWorker();
  for (let n = 0; n < 3; n++) model.submit();
  const [begun, left] = model.jobs;
  const dying = model.pick(0) ?? assert.fail();
  model.begin(dying);
  for (const job of [begun, left]) if (job !== undefined) job.abandoned = true;
  model.lose(dying, false);
  assert.deepEqual(
    model.jobs.map(({ ending }) => ending),
    ["lost", "dropped", "waiting"],
  );
  assert.deepEqual([model.dispatcher.queued, model.dispatcher.open], [1, 0]);
});

test("an id comes back only after tens of thousands of others", () => {
  const model = new Model();
  model.addWorker();
  const seen = new Set<number>();
  for (let n = 0; n < 40_000; n++) {
    model.submit();
    const worker = model.pick(0) ?? assert.fail();
    const [job] = worker.inbox;
    if (n < 30_000) assert.ok(!seen.has(job?.id ?? 0));
    seen.add(job?.id ?? 0);
    assert.ok((job?.id ?? 0) > 0 && (job?.id ?? 0) < 2 ** 31);
    model.begin(worker);
    model.answer(worker);
  }
});

test("the oldest request is named, and how long requests are under way", () => {
  const model = new Model();
  model.addWorker();
  model.submit();
  model.submit();
  assert.equal(model.dispatcher.heldBy(1), model.jobs[0]);
  assert.equal(model.dispatcher.heldBy(2), undefined);
  assert.deepEqual([model.dispatcher.hasOpenSince(1), model.dispatcher.hasOpenSince(2)], [false, true]);
  assert.deepEqual(model.dispatcher.overdue(), []);
});

test("requests that wait too long for room are given back", () => {
  const model = new Model();
  model.submit();
  model.submit();
  assert.deepEqual(model.dispatcher.withdrawOlderThan(2), [model.jobs[0]]);
  assert.equal(model.dispatcher.queued, 1);
});

test("what runs for long is told of, when it has begun", () => {
  const model = new Model();
  model.addWorker();
  model.submit();
  const running = () => model.dispatcher.runningLongerThan(5001, 2000).map(({ worker, ageMs }) => ({ worker, ageMs }));
  assert.deepEqual(running(), []);
  model.begin(model.pick(0)!);
  assert.deepEqual(running(), [{ worker: 1, ageMs: 5000 }]);
  assert.deepEqual(model.dispatcher.runningLongerThan(2001, 2000), []);
});

test("a request that is submitted again when its worker dies goes to another, behind those that had not begun", () => {
  const model = new Model();
  model.addWorker();
  model.submit();
  model.submit();
  const [begun, waiting] = model.jobs as [ModelJob, ModelJob];
  begun.onLost = () => {
    begun.ending = "waiting";
    begun.id = 0;
    model.dispatcher.submit(begun);
  };
  const worker = model.pick(0)!;
  model.begin(worker);
  model.workers.delete(worker.number);
  model.idsUnderWay.clear();
  model.dispatcher.workerLost(worker.number, false);
  assert.equal(model.dispatcher.queued, 2);
  model.addWorker();
  assert.deepEqual(model.pick(0)?.inbox, [waiting, begun]);
});

test("what waits: requests that a worker has and has not begun, then the queue; conversations are not among them", () => {
  const model = new Model();
  model.submit();
  assert.deepEqual(model.dispatcher.waiting(10), { first: [model.jobs[0]], count: 1 });
  model.addWorker();
  model.submit();
  model.submit();
  assert.deepEqual(model.dispatcher.waiting(2), { first: model.jobs.slice(0, 2), count: 3 });
  model.begin(model.pick(0)!);
  assert.equal(model.dispatcher.waiting(10).count, 2);
  model.dispatcher.outlasts(model.jobs[1]!.id);
  assert.deepEqual(model.dispatcher.waiting(10), { first: [model.jobs[2]], count: 1 });
});

test("a pushed request is with its worker when it is sent", () => {
  let nowMs = 500;
  const dispatcher = new PushDispatcher({ push: () => {}, takes: () => true, readEntry: () => 0 }, 1, () => nowMs, new EntryIds(ENTRIES));
  const [one, two] = [new ModelJob(100), new ModelJob(200)];
  dispatcher.submit(one);
  dispatcher.submit(two);
  assert.equal(dispatcher.startedMs(one.id), undefined);
  dispatcher.workerReady(1);
  const { id } = one;
  assert.equal(dispatcher.startedMs(id), 500);
  nowMs = 1000;
  dispatcher.finished(id);
  assert.equal(dispatcher.startedMs(two.id), 1000);
  assert.equal(dispatcher.startedMs(id), undefined);
});
