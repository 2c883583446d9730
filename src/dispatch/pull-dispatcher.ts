/**
 * Dispatch by pull: requests become tickets in a pipe that every idle worker reads (design §4, docs/internals/channels.md §5).
 *
 * Pure: memory, pipe and timers come in as a `PullPort`. What it decides: when a request leaves the gateway's queue for
 * the pipe, how many tickets are written one by one, and what becomes of the requests of a worker that died.
 */

import { type Dispatcher, type Job, type OverdueJob, type RunningJob, takeOlderThan, type WaitingJobs } from "./dispatcher.ts";
import { JobQueue } from "./job-queue.ts";

/** The words of a slot that a worker writes. */
export interface SlotClaim {
  /** Number of the worker that claimed it; 0 = nobody. */
  claim: number;
  /** Monotonic milliseconds, low 32 bits, lowest bit set; 0 = the application has not been called. */
  started: number;
  /** As `started`: when its process last showed that it lives; 0 = it shows nothing, and a long request is silence. */
  beat: number;
}

/** Memory, pipe and timers of the dispatcher. */
export interface PullPort {
  readonly slotCount: number;
  /** Bytes that one slot has for head and body together. */
  readonly slotCapacity: number;
  writeSlot(slot: number, id: number, head: string, body: Buffer | undefined): void;
  /** Makes the slot's id 0: whoever pulls its ticket skips it. */
  voidSlot(slot: number): void;
  readClaim(slot: number, into: SlotClaim): void;
  /** Puts one ticket aside for the next `sendTickets`. Undefined bytes: that part comes through the worker's channel. */
  stageTicket(slot: number, id: number, headBytes: number | undefined, bodyBytes: number | undefined): void;
  /** Writes the staged tickets: the first `singly` with a write each, the rest with one. */
  sendTickets(singly: number): void;
  /** Writes a ticket that is only a wake-up. */
  sendVoidTicket(): void;
  /** Calls `flush` once, when the events of this turn have been handled. */
  scheduleFlush(): void;
  callAfter(delayMs: number, callback: () => void): void;
}

/** A request whose ticket is out. */
interface Open {
  readonly job: Job;
  readonly slot: number;
  readonly sentMs: number;
}

/** The fence that Python lacks: a claim written before this has passed is seen after it (design §3). */
const CLAIM_SETTLE_MS = 2;
/** How long a voided slot is kept out of use, so that a late reader of its old ticket finds nothing of a new request. */
const SLOT_QUARANTINE_MS = 5000;
/** A worker that has ended a request is asleep, or has its next one, by then. */
const STRANDED_CHECK_MS = 2;
/** With many tickets out, each look at all of them is made rarer: at most so many slots are read in a millisecond. */
const STRANDED_CHECKED_PER_MS = 16;
/** A ticket may wait about this long in the pipe: with short requests more are kept there than `look_ahead` says. */
const PIPE_WAIT_MS = 1;
/** How often the rate of answers is taken. */
const RATE_WINDOW_MS = 4;
/** Beyond it nothing is gained, and every look at the claims costs more. */
const LOOK_AHEAD_MAX = 128;
const ID_MAX = 0x7fffffff;

export class PullDispatcher implements Dispatcher {
  readonly #port: PullPort;
  /** A reload may change it. */
  lookAhead: number;
  readonly #queue = new JobQueue<Job>();
  /**
   * Requests whose ticket is out, by slot: an id is a multiple of the number of slots plus the slot. A Map would be
   * shorter, but one from which entries come and go all the time leaves dead tables behind that keep young garbage alive
   * [measured: half of what a collection of the young generation copied].
   */
  readonly #open: (Open | undefined)[];
  #openCount = 0;
  /** Slots from here on have never been used: looks at all open requests end here. */
  #slotsTouched = 0;
  /** Those that pull, with the group of each. */
  readonly #workers = new Map<number, number>();
  /** How many each group has. */
  readonly #groups = new Map<number, number>();
  readonly #freeSlots: number[] = [];
  readonly #seen: SlotClaim = { claim: 0, started: 0, beat: 0 };
  #sequence: number;
  #flushScheduled = false;
  #strandedCheckPlanned = false;
  #answered = 0;
  #rateSinceMs = 0;
  #answersPerMs = 0;

  /**
   * @param lookAhead  Tickets kept in the pipe beyond one for each worker: 0 is truly idle dispatch at 0.6 of the speed of 8. It is the
   *                   least: see `#ticketsAhead`.
   * @param lastId     The first id comes after it.
   */
  constructor(port: PullPort, lookAhead: number, lastId = 0) {
    this.#port = port;
    this.lookAhead = lookAhead;
    this.#sequence = Math.floor(lastId / port.slotCount);
    this.#open = new Array<Open | undefined>(port.slotCount).fill(undefined);
    for (let slot = port.slotCount - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
  }

  /** Requests that wait in the gateway. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Requests whose ticket is out: in the pipe or in a worker. */
  get open(): number {
    return this.#openCount;
  }

  /** Workers that pull. */
  get workers(): number {
    return this.#workers.size;
  }

  submit(job: Job): void {
    this.#queue.push(job);
    // A worker is idle: its ticket would have a write of its own anyway, so it need not wait for the end of the turn.
    if (this.#openCount < this.#groups.size) this.#fillPipe(job.queuedMs);
    else this.#schedule();
  }

  /** Takes a request out of the queue whose client has left or whose deadline has passed. @returns false when its ticket is already out. */
  withdraw(job: Job): boolean {
    return job.id === 0 && this.#queue.remove(job);
  }

  withdrawOlderThan(cutoffMs: number): Job[] {
    return takeOlderThan(this.#queue, cutoffMs);
  }

  /** The request behind a frame's stream id. */
  find(id: number): Job | undefined {
    return this.#openOf(id)?.job;
  }

  startedMs(id: number, nowMs: number, roughMs: number): number | undefined {
    const open = this.#openOf(id);
    if (open === undefined || nowMs - open.sentMs < roughMs) return open?.sentMs;
    const { started } = this.#readClaim(open);
    const inPipeMs = started === 0 ? 0 : (started - Math.trunc(open.sentMs)) | 0;
    // The lowest bit is always set: it may have been begun in a millisecond that is still to come.
    return Math.min(nowMs, open.sentMs + Math.max(0, inPipeMs));
  }

  #openOf(id: number): Open | undefined {
    const open = this.#open[id % this.#port.slotCount];
    return open?.job.id === id ? open : undefined;
  }

  #close(open: Open): void {
    this.#open[open.slot] = undefined;
    this.#openCount--;
  }

  /** Workers that pull know no WebSockets. */
  outlasts(): void {}

  /** The worker has sent the last frame of its response. */
  finished(id: number): void {
    const open = this.#openOf(id);
    if (open === undefined) return;
    this.#close(open);
    this.#answered++;
    this.#release(open.slot);
    this.#planStrandedCheck();
  }

  #release(slot: number): void {
    this.#freeSlots.push(slot);
    if (this.#queue.length > 0) this.#schedule();
  }

  /**
   * "Idle" is an estimate: a worker may have ended its request and fallen asleep with its answer not read yet, and voided
   * tickets count as work. Then several tickets in one write wake one sleeper where more are asleep. So a moment after
   * such a write, and after a request's end, a look at the claims shows what is left over, and wakes as many as it needs.
   */
  #planStrandedCheck(): void {
    // One sleeper is woken by any write.
    if (this.#strandedCheckPlanned || this.#openCount === 0 || this.#groups.size < 2) return;
    this.#strandedCheckPlanned = true;
    this.#port.callAfter(STRANDED_CHECK_MS + Math.floor(this.#openCount / STRANDED_CHECKED_PER_MS), () => this.#wakeForStranded());
  }

  #wakeForStranded(): void {
    this.#strandedCheckPlanned = false;
    let unclaimed = 0;
    for (const open of this.#eachOpen()) if (this.#readClaim(open).claim === 0) unclaimed++;
    const idle = this.#workers.size - (this.#openCount - unclaimed);
    for (let wakeUps = Math.min(idle, unclaimed, this.#groups.size); wakeUps > 0; wakeUps--) this.#port.sendVoidTicket();
  }

  /** @param group  Workers of one group share an interpreter; one of them waits at the pipe, and the others for it. */
  workerReady(worker: number, group = worker): void {
    if (!this.#workers.has(worker)) this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
    this.#workers.set(worker, group);
    this.#schedule();
    // It has been at the pipe since before this was known: a ticket behind the one that woke somebody else may be there for it.
    this.#planStrandedCheck();
  }

  /** The worker reads no more tickets. It may have been woken for one: the wake-up is passed on. */
  workerLeaving(worker: number): void {
    if (this.#remove(worker) && this.#openCount > 0) this.#port.sendVoidTicket();
  }

  #remove(worker: number): boolean {
    const group = this.#workers.get(worker);
    if (group === undefined) return false;
    this.#workers.delete(worker);
    const left = this.#groups.get(group)! - 1;
    if (left > 0) this.#groups.set(group, left);
    else this.#groups.delete(group);
    return true;
  }

  /**
   * A worker's channel is at its end and all its answers have been read: decides about every request whose ticket is out
   * ("at most once", channels.md §5). What the dead worker had claimed is lost; what nobody has claimed is voided
   * and, when no claim was under way, given out again.
   */
  workerLost(worker: number): Job[] {
    this.#remove(worker);
    const inDoubt: Open[] = [];
    const lost: Open[] = [];
    for (const open of this.#eachOpen()) {
      const { claim, started } = this.#readClaim(open);
      // Started by nobody: a late reader of an old ticket has wiped the claim of whoever runs it. In doubt, so never again.
      if (claim === worker || (claim === 0 && started !== 0)) lost.push(open);
      else if (claim === 0) {
        this.#port.voidSlot(open.slot);
        inDoubt.push(open);
      }
    }
    if (inDoubt.length > 0) this.#port.callAfter(CLAIM_SETTLE_MS, () => this.#settle(worker, inDoubt));
    else if (this.#openCount > lost.length) this.#port.sendVoidTicket();
    const jobs = lost.map(({ job }) => job).sort((one, other) => one.queuedMs - other.queuedMs || one.id - other.id);
    // At the end: one that is submitted again gets a ticket, perhaps at once.
    for (const open of lost) this.#lose(open);
    return jobs;
  }

  /** Second look at voided requests: every claim that was under way when they were voided can be seen now. */
  #settle(dead: number, inDoubt: readonly Open[]): void {
    const unsettled: Open[] = [];
    const again: Open[] = [];
    for (const open of inDoubt) {
      if (this.#open[open.slot] !== open) continue;
      const { claim, started } = this.#readClaim(open);
      if (claim === 0 && started === 0) again.push(open);
      else if (claim === dead || claim === 0) this.#lose(open);
      else if (started === 0 && this.#workers.has(claim)) unsettled.push(open);
      else if (started === 0) this.#lose(open);
    }
    // Oldest in front: the last one put at the queue's head is the first to go.
    again.sort((one, other) => other.job.queuedMs - one.job.queuedMs || other.job.id - one.job.id);
    for (const open of again) this.#giveAgain(open);
    if (unsettled.length > 0) this.#port.callAfter(CLAIM_SETTLE_MS, () => this.#settle(dead, unsettled));
  }

  #giveAgain(open: Open): void {
    this.#forget(open);
    open.job.id = 0;
    if (open.job.abandoned) {
      open.job.onDropped();
      return;
    }
    this.#queue.unshift(open.job);
    this.#schedule();
  }

  #lose(open: Open): void {
    this.#forget(open);
    open.job.onWorkerLost();
  }

  /** Its ticket may still be in the pipe: the slot rests before it is used again. */
  #forget(open: Open): void {
    this.#close(open);
    this.#port.voidSlot(open.slot);
    this.#port.callAfter(SLOT_QUARANTINE_MS, () => this.#release(open.slot));
    if (this.#queue.length > 0) this.#schedule();
  }

  /** Requests that were begun, or whose worker showed life, more than `limitMs` ago. @param nowMs  Monotonic, the clock of the tickets. */
  overdue(nowMs: number, limitMs: number): OverdueJob[] {
    return this.#since(nowMs, limitMs, ({ started, beat }) => (beat === 0 ? started : beat)).map(({ ageMs, ...late }) => ({
      ...late,
      silentMs: ageMs,
    }));
  }

  runningLongerThan(nowMs: number, limitMs: number): RunningJob[] {
    return this.#since(nowMs, limitMs, ({ started }) => started);
  }

  /** Requests that have been begun and whose moment, as `momentOf` says, lies longer ago than the limit. */
  #since(nowMs: number, limitMs: number, momentOf: (claim: SlotClaim) => number): RunningJob[] {
    const found: RunningJob[] = [];
    for (const open of this.#eachOpen()) {
      if (nowMs - open.sentMs <= limitMs) continue;
      const claim = this.#readClaim(open);
      if (claim.claim === 0 || claim.started === 0) continue;
      const ageMs = (Math.trunc(nowMs) - momentOf(claim)) >>> 0;
      if (ageMs > limitMs && ageMs < 0x7fffffff) found.push({ job: open.job, worker: claim.claim, ageMs });
    }
    return found;
  }

  waiting(countMax: number): WaitingJobs {
    const given: Open[] = [];
    for (const open of this.#eachOpen()) {
      const { claim, started } = this.#readClaim(open);
      if (claim === 0 || started === 0) given.push(open);
    }
    given.sort((one, other) => one.sentMs - other.sentMs || one.job.id - other.job.id);
    const jobs = given.slice(0, countMax).map(({ job }) => job);
    return { first: [...jobs, ...this.#queue.first(countMax - jobs.length)], count: given.length + this.#queue.length };
  }

  /** Whether some ticket has been out since before `cutoffMs`. */
  hasOpenSince(cutoffMs: number): boolean {
    for (const open of this.#eachOpen()) if (open.sentMs < cutoffMs) return true;
    return false;
  }

  /** The request that a worker has in its hands, if any. For the log. */
  heldBy(worker: number): Job | undefined {
    for (const open of this.#eachOpen()) if (this.#readClaim(open).claim === worker) return open.job;
    return undefined;
  }

  #readClaim(open: Open): SlotClaim {
    this.#port.readClaim(open.slot, this.#seen);
    return this.#seen;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#port.scheduleFlush();
  }

  /**
   * Tickets to keep in the pipe: what the workers answer in a millisecond. With eight, a worker that needs 10 us for a request
   * goes to sleep before the gateway has looked again, and a fifth of the speed is lost [measured]; any free worker still takes
   * the next one, so nothing waits behind a slow request.
   */
  #ticketsAhead(nowMs: number): number {
    const elapsedMs = nowMs - this.#rateSinceMs;
    if (elapsedMs >= RATE_WINDOW_MS) {
      this.#answersPerMs = this.#answered / elapsedMs;
      this.#answered = 0;
      this.#rateSinceMs = nowMs;
    }
    return Math.max(this.lookAhead, Math.min(LOOK_AHEAD_MAX, Math.floor(this.#answersPerMs * PIPE_WAIT_MS)));
  }

  /** What `scheduleFlush` asked for. @param nowMs  Monotonic milliseconds. */
  flush(nowMs: number): void {
    this.#flushScheduled = false;
    this.#fillPipe(nowMs);
  }

  /** Moves requests from the queue to the pipe, as many as the workers can be kept busy with. */
  #fillPipe(nowMs: number): void {
    const sleepers = Math.min(this.#groups.size, Math.max(0, this.#workers.size - this.#openCount));
    let room = this.#workers.size === 0 ? 0 : this.#workers.size + this.#ticketsAhead(nowMs) - this.#openCount;
    let staged = 0;
    while (room > 0 && this.#queue.length > 0) {
      const slot = this.#freeSlots.pop();
      if (slot === undefined) break;
      this.#give(this.#queue.shift()!, slot, nowMs);
      staged++;
      room--;
    }
    // One write wakes one sleeper: as many writes as there are idle workers, the last of them with all the rest.
    if (staged > 0) this.#port.sendTickets(Math.max(0, sleepers - 1));
    if (staged > sleepers) this.#planStrandedCheck();
  }

  #give(job: Job, slot: number, nowMs: number): void {
    const id = this.#nextId(slot);
    job.id = id;
    this.#open[slot] = { job, slot, sentMs: nowMs };
    this.#openCount++;
    if (slot >= this.#slotsTouched) this.#slotsTouched = slot + 1;
    const { environ, inlineBody } = job;
    const capacity = this.#port.slotCapacity;
    const headFits = environ.length <= capacity;
    const bodyFits = inlineBody !== undefined && (inlineBody.length === 0 || (headFits && environ.length + inlineBody.length <= capacity));
    this.#port.writeSlot(slot, id, headFits ? environ : "", bodyFits ? inlineBody : undefined);
    this.#port.stageTicket(slot, id, headFits ? environ.length : undefined, bodyFits ? inlineBody.length : undefined);
  }

  #nextId(slot: number): number {
    const { slotCount } = this.#port;
    this.#sequence = (this.#sequence + 2) * slotCount > ID_MAX ? 1 : this.#sequence + 1;
    return this.#sequence * slotCount + slot;
  }

  /** Those whose ticket is out, as they are now: what is closed while they are looked at is left out. */
  *#eachOpen(): Generator<Open> {
    for (let slot = 0; slot < this.#slotsTouched; slot++) {
      const open = this.#open[slot];
      if (open !== undefined) yield open;
    }
  }
}
