/**
 * Slot memory, ticket pipe, timers and workers of a `PullDispatcher`, simulated one memory access at a time, so that a
 * test can interleave them in every order (docs/internals/channels.md §5).
 */

import assert from "node:assert/strict";
import type { Job } from "../../src/dispatch/dispatcher.ts";
import { PullDispatcher, type PullPort, type SlotClaim } from "../../src/dispatch/pull-dispatcher.ts";

interface Ticket {
  readonly slot: number;
  readonly id: number;
}

/**
 * What a worker does next. `asleep`: in its epoll; only a write to the pipe wakes it, and each write wakes one.
 * `leaving`: it pulls no more, its channel is still open.
 */
type WorkerState =
  | { at: "reading" | "asleep" | "leaving" | "gone" }
  | { at: "check" | "claim" | "check-again" | "unclaim" | "start" | "call"; ticket: Ticket };

interface SimulatedWorker {
  readonly number: number;
  state: WorkerState;
  /** What it has sent and the gateway has not read. */
  readonly sent: ("ready" | "leaving" | "eof" | { answer: number })[];
}

/** A request, and what has become of it. */
export class SimulatedJob implements Job {
  environ = "";
  inlineBody: Buffer | undefined = Buffer.alloc(0);
  queuedMs = 0;
  id = 0;
  calls = 0;
  fate: "open" | "answered" | "lost" | "withdrawn" | "dropped" = "open";
  abandoned = false;
  /** Workers that died with it in their hands. */
  deaths = 0;
  /** Submits it once more, when it may be tried again. */
  tryAgain: (() => void) | undefined;

  onDropped(): void {
    assert.equal(this.fate, "open", "a request is dropped at most once, and not after its answer");
    assert.ok(this.abandoned && this.calls === 0, "only a request that nobody waits for is dropped, and before it runs");
    this.fate = "dropped";
  }

  onWorkerLost(): void {
    assert.equal(this.fate, "open", "a request is lost at most once, and not after its answer");
    this.deaths++;
    if (this.tryAgain === undefined || this.deaths > 1 || this.abandoned) {
      this.fate = "lost";
      return;
    }
    this.calls = 0;
    this.id = 0;
    this.tryAgain();
  }
}

/** Steps of a claim take microseconds: a test that lets this much time pass first lets them end. */
const CLAIM_STEPS_MS = 1000;

export class Simulation implements PullPort {
  readonly slotCount: number;
  readonly slotCapacity = 100;
  readonly dispatcher: PullDispatcher;
  readonly jobs: SimulatedJob[] = [];
  readonly workers: SimulatedWorker[] = [];
  nowMs = 0;
  readonly #slots: { id: number; claim: number; started: number }[];
  readonly #pipe: Ticket[] = [];
  readonly #staged: Ticket[] = [];
  readonly #timers: { atMs: number; callback: () => void }[] = [];
  readonly #choose: (count: number) => number;
  readonly #retries: boolean;
  #flushWanted = false;
  /** The job of each id that was ever given out. */
  readonly #jobOf = new Map<number, SimulatedJob>();

  /** @param retries  Every second request is tried again when its worker died in it. @param choose  Which of so many: the kernel's choice of a sleeper. */
  constructor({
    slotCount = 64,
    lookAhead = 8,
    lastId = 0,
    choose = () => 0,
    retries = false,
  }: { slotCount?: number; lookAhead?: number; lastId?: number; choose?: (count: number) => number; retries?: boolean }) {
    this.slotCount = slotCount;
    this.#slots = Array.from({ length: slotCount }, () => ({ id: 0, claim: 0, started: 0 }));
    this.#choose = choose;
    this.#retries = retries;
    this.dispatcher = new PullDispatcher(this, lookAhead, lastId);
  }

  // --- the port ----------------------------------------------------------------------------------------------------

  writeSlot(slot: number, id: number): void {
    this.#slots[slot] = { id, claim: 0, started: 0 };
    this.#jobOf.set(id, this.dispatcher.find(id) as SimulatedJob);
  }

  voidSlot(slot: number): void {
    this.#slots[slot]!.id = 0;
  }

  readClaim(slot: number, into: SlotClaim): void {
    const { claim, started } = this.#slots[slot]!;
    into.claim = claim;
    into.started = started;
    into.beat = 0;
  }

  stageTicket(slot: number, id: number): void {
    this.#staged.push({ slot, id });
  }

  sendTickets(singly: number): void {
    const staged = this.#staged.splice(0);
    for (const ticket of staged.splice(0, singly)) this.#write([ticket]);
    if (staged.length > 0) this.#write(staged);
  }

  sendVoidTicket(): void {
    this.#write([{ slot: 0, id: 0 }]);
  }

  scheduleFlush(): void {
    assert.ok(!this.#flushWanted, "one flush is enough");
    this.#flushWanted = true;
  }

  callAfter(delayMs: number, callback: () => void): void {
    this.#timers.push({ atMs: this.nowMs + delayMs, callback });
  }

  /** One write wakes one sleeper. */
  #write(tickets: readonly Ticket[]): void {
    this.#pipe.push(...tickets);
    const sleepers = this.workers.filter(({ state }) => state.at === "asleep");
    if (sleepers.length > 0) sleepers[this.#choose(sleepers.length)]!.state = { at: "reading" };
  }

  // --- the gateway's steps -----------------------------------------------------------------------------------------

  submit(count = 1): SimulatedJob[] {
    const jobs = Array.from({ length: count }, () => {
      const job = new SimulatedJob();
      job.queuedMs = this.nowMs;
      if (this.#retries && this.jobs.length % 2 === 0) job.tryAgain = () => this.dispatcher.submit(job);
      this.jobs.push(job);
      this.dispatcher.submit(job);
      return job;
    });
    return jobs;
  }

  /** Its client leaves. */
  withdraw(job: SimulatedJob): void {
    if (job.fate !== "open") return;
    job.abandoned = true;
    if (!this.dispatcher.withdraw(job)) return;
    assert.equal(job.calls, 0, "what is withdrawn has not run");
    job.fate = "withdrawn";
  }

  /** @returns false when no flush was asked for. */
  flush(): boolean {
    if (!this.#flushWanted) return false;
    this.#flushWanted = false;
    this.dispatcher.flush(this.nowMs);
    return true;
  }

  /** Reads one frame of a worker. @returns false when there is none. */
  readFrame(worker: SimulatedWorker): boolean {
    const frame = worker.sent.shift();
    if (frame === undefined) return false;
    if (frame === "ready") this.dispatcher.workerReady(worker.number);
    else if (frame === "leaving") this.dispatcher.workerLeaving(worker.number);
    else if (frame === "eof") this.dispatcher.workerLost(worker.number);
    else {
      const job = this.dispatcher.find(frame.answer) as SimulatedJob | undefined;
      assert.ok(job !== undefined, "an answer is read before its worker's end, so its request is still open");
      assert.equal(job.fate, "open");
      job.fate = "answered";
      this.dispatcher.finished(frame.answer);
    }
    return true;
  }

  /** Lets time pass and runs what is due, in order. */
  pass(ms: number): void {
    const until = this.nowMs + ms;
    if (ms >= CLAIM_STEPS_MS) for (const worker of this.workers) this.#endClaim(worker);
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#timers[0];
      if (next === undefined || next.atMs > until) break;
      this.#timers.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = until;
  }

  #endClaim(worker: SimulatedWorker): void {
    while (["check", "claim", "check-again", "unclaim", "start"].includes(worker.state.at)) this.stepWorker(worker);
  }

  // --- the workers' steps ------------------------------------------------------------------------------------------

  spawn(): SimulatedWorker {
    const worker: SimulatedWorker = { number: this.workers.length + 1, state: { at: "reading" }, sent: ["ready"] };
    this.workers.push(worker);
    return worker;
  }

  get living(): SimulatedWorker[] {
    return this.workers.filter(({ state }) => state.at !== "gone" && state.at !== "leaving");
  }

  /** Its channel ends: kill -9 at whatever step it is, or the end of leaving. */
  die(worker: SimulatedWorker): void {
    if (worker.state.at === "gone") return;
    worker.state = { at: "gone" };
    worker.sent.push("eof");
  }

  /** A process with two lanes ends: both channels do, each with its lane at another step, and the gateway reads one after the other. */
  dieTogether(worker: SimulatedWorker): void {
    const isNeighbour = ({ number }: SimulatedWorker) => Math.ceil(number / 2) === Math.ceil(worker.number / 2);
    for (const lane of this.workers.filter(isNeighbour)) this.die(lane);
  }

  /** It stops pulling when it is between two requests; a wake-up that it got goes with it. */
  leave(worker: SimulatedWorker): void {
    if (worker.state.at !== "reading" && worker.state.at !== "asleep") return;
    worker.state = { at: "leaving" };
    worker.sent.push("leaving");
  }

  /** The application returns. */
  endCall(worker: SimulatedWorker): void {
    if (worker.state.at !== "call") return;
    worker.sent.push({ answer: worker.state.ticket.id });
    worker.state = { at: "reading" };
  }

  /** One step up to the application's call. @returns false when it can do none. */
  stepWorker(worker: SimulatedWorker): boolean {
    const { state } = worker;
    switch (state.at) {
      case "asleep":
      case "leaving":
      case "gone":
      case "call":
        return false;
      case "reading": {
        const ticket = this.#pipe.shift();
        if (ticket === undefined) worker.state = { at: "asleep" };
        else if (ticket.id !== 0) worker.state = { at: "check", ticket };
        return true;
      }
      case "check":
        worker.state = this.#slots[state.ticket.slot]!.id === state.ticket.id ? { ...state, at: "claim" } : { at: "reading" };
        return true;
      case "claim":
        this.#slots[state.ticket.slot]!.claim = worker.number;
        worker.state = { ...state, at: "check-again" };
        return true;
      case "check-again":
        worker.state = { ...state, at: this.#slots[state.ticket.slot]!.id === state.ticket.id ? "start" : "unclaim" };
        return true;
      case "unclaim":
        this.#slots[state.ticket.slot]!.claim = 0;
        worker.state = { at: "reading" };
        return true;
      case "start": {
        this.#slots[state.ticket.slot]!.started = (this.nowMs | 1) >>> 0;
        const job = this.#jobOf.get(state.ticket.id) ?? assert.fail("a ticket names a request");
        assert.equal(job.fate, "open", "what was lost or withdrawn is not started");
        assert.equal(++job.calls, 1, "no request is started twice");
        worker.state = { ...state, at: "call" };
        return true;
      }
    }
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Everything runs on, except the application: it does not return. Short timers fire. */
  calm(): void {
    const BEYOND_SHORT_TIMERS = 50;
    for (let i = 0; i < BEYOND_SHORT_TIMERS; i++) {
      let busy = true;
      while (busy) {
        busy = this.flush();
        for (const worker of this.workers) busy = this.stepWorker(worker) || this.readFrame(worker) || busy;
      }
      this.pass(1);
    }
  }

  /** No idle worker sleeps while a request could be had. */
  assertNothingStranded(): void {
    const waiting = this.#pipe.filter(({ slot, id }) => id !== 0 && this.#slots[slot]!.id === id);
    const asleep = this.living.filter(({ state }) => state.at === "asleep");
    assert.ok(waiting.length === 0 || asleep.length === 0, `${waiting.length} tickets wait while ${asleep.length} workers sleep`);
    assert.ok(
      this.dispatcher.queued === 0 || asleep.length === 0,
      `${this.dispatcher.queued} requests are queued while ${asleep.length} workers sleep`,
    );
  }
}
