/**
 * Dispatch by push: each request is given to the worker that has the fewest (design §4, docs/internals/channels.md §5).
 *
 * For workers that serve many requests at once on an event loop: none of them waits for another, so that there is nothing to
 * gain from a shared queue, and much from one write that carries many requests. Pure: sockets and memory come in as a `PushPort`.
 */

import { type Dispatcher, type Job, type OverdueJob, type RunningJob, takeOlderThan, type WaitingJobs } from "./dispatcher.ts";
import type { EntryIds } from "./entry-ids.ts";
import { JobQueue } from "./job-queue.ts";

/** Channels and memory of the dispatcher. */
export interface PushPort {
  /** Sends a request to a worker. */
  push(worker: number, job: Job): void;
  /** The worker takes what it is sent: its channel is not full. When it is emptied, `flush` is called. */
  takes(worker: number): boolean;
  /** The stream id that a worker wrote into the entry last; 0 = none. */
  readEntry(entry: number): number;
}

interface PushWorker {
  readonly number: number;
  /** Requests, without those that outlast. */
  outstanding: number;
  /** Requests that outlast: WebSockets. */
  lasting: number;
}

interface Open {
  readonly job: Job;
  readonly worker: PushWorker;
  readonly sentMs: number;
  lasts: boolean;
}

export class PushDispatcher implements Dispatcher {
  readonly #port: PushPort;
  #perWorker: number;
  readonly #now: () => number;
  readonly #queue = new JobQueue<Job>();
  readonly #ids: EntryIds;
  /** By entry, with holes where other dispatchers have theirs. Not a Map: see PullDispatcher. */
  readonly #open: (Open | undefined)[] = [];
  #openCount = 0;
  /** Workers that take requests. */
  readonly #ready: PushWorker[] = [];
  /** The first to be looked at: equals take turns. */
  #turn = 0;

  /**
   * @param perWorker  Requests that one worker may have at once (`worker_connections`).
   * @param now        Monotonic milliseconds.
   * @param ids        Of the memory behind the port.
   */
  constructor(port: PushPort, perWorker: number, now: () => number, ids: EntryIds) {
    this.#port = port;
    this.#perWorker = Math.max(1, perWorker);
    this.#now = now;
    this.#ids = ids;
  }

  /** A reload may change it. */
  set perWorker(count: number) {
    this.#perWorker = Math.max(1, count);
    this.#drain();
  }

  get queued(): number {
    return this.#queue.length;
  }

  get open(): number {
    return this.#openCount;
  }

  get workers(): number {
    return this.#ready.length;
  }

  submit(job: Job): void {
    this.#queue.push(job);
    this.#drain();
  }

  withdraw(job: Job): boolean {
    return job.id === 0 && this.#queue.remove(job);
  }

  withdrawOlderThan(cutoffMs: number): Job[] {
    return takeOlderThan(this.#queue, cutoffMs);
  }

  find(id: number): Job | undefined {
    return this.#openOf(id)?.job;
  }

  /** It is with its worker as soon as it is sent: whether the event loop looks is that loop's lag. */
  startedMs(id: number): number | undefined {
    return this.#openOf(id)?.sentMs;
  }

  #openOf(id: number): Open | undefined {
    const open = this.#open[this.#ids.entryOf(id)];
    return open?.job.id === id ? open : undefined;
  }

  finished(id: number): void {
    const open = this.#openOf(id);
    if (open === undefined) return;
    this.#close(open);
    if (this.#queue.length > 0) this.#drain();
  }

  outlasts(id: number): void {
    const open = this.#openOf(id);
    if (open === undefined || open.lasts) return;
    open.lasts = true;
    open.worker.outstanding--;
    open.worker.lasting++;
    if (this.#queue.length > 0) this.#drain();
  }

  #close(open: Open): void {
    const { id } = open.job;
    this.#open[this.#ids.entryOf(id)] = undefined;
    this.#openCount--;
    if (open.lasts) open.worker.lasting--;
    else open.worker.outstanding--;
    this.#ids.giveBack(id);
  }

  workerReady(worker: number): void {
    this.#ready.push({ number: worker, outstanding: 0, lasting: 0 });
    this.#drain();
  }

  workerLeaving(worker: number): void {
    const index = this.#ready.findIndex(({ number }) => number === worker);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  workerLost(worker: number, alive: boolean): Job[] {
    this.workerLeaving(worker);
    const again: Job[] = [];
    const lost: Open[] = [];
    for (const open of this.#opened()) {
      if (open.worker.number !== worker) continue;
      const { job } = open;
      const started = alive || open.lasts || this.#hasStarted(job);
      this.#close(open);
      if (started) lost.push(open);
      else if (job.abandoned) job.onDropped();
      else again.push(job);
    }
    // Oldest in front: the last one put at the queue's head is the first to go.
    again.sort((one, other) => other.queuedMs - one.queuedMs || other.id - one.id);
    for (const job of again) {
      job.id = 0;
      this.#queue.unshift(job);
    }
    const jobs = lost.sort((one, other) => one.sentMs - other.sentMs || one.job.id - other.job.id).map(({ job }) => job);
    // Behind them: who made these may submit them again.
    for (const job of jobs) job.onWorkerLost();
    this.#drain();
    return jobs;
  }

  /** None: with many requests at once, a long one tells nothing. What counts is that the event loop runs: see `gateway/heartbeats.ts`. */
  overdue(): OverdueJob[] {
    return [];
  }

  runningLongerThan(nowMs: number, limitMs: number): RunningJob[] {
    return this.#opened().flatMap(({ job, worker, sentMs, lasts }) => {
      const ageMs = nowMs - sentMs;
      return ageMs > limitMs && !lasts && this.#hasStarted(job) ? [{ job, worker: worker.number, ageMs }] : [];
    });
  }

  waiting(countMax: number): WaitingJobs {
    const given = this.#opened().filter(({ job, lasts }) => !lasts && !this.#hasStarted(job));
    given.sort((one, other) => one.sentMs - other.sentMs || one.job.id - other.job.id);
    const jobs = given.slice(0, countMax).map(({ job }) => job);
    return { first: [...jobs, ...this.#queue.first(countMax - jobs.length)], count: given.length + this.#queue.length };
  }

  #hasStarted({ id }: Job): boolean {
    return this.#port.readEntry(this.#ids.entryOf(id)) === id;
  }

  hasOpenSince(cutoffMs: number): boolean {
    return this.#opened().some((open) => open.sentMs < cutoffMs);
  }

  heldBy(worker: number): Job | undefined {
    const held = this.#opened().filter((open) => open.worker.number === worker);
    return held.reduce<Open | undefined>(
      (oldest, open) => (oldest !== undefined && oldest.sentMs <= open.sentMs ? oldest : open),
      undefined,
    )?.job;
  }

  flush(): void {
    this.#drain();
  }

  #opened(): Open[] {
    return this.#open.filter((open) => open !== undefined);
  }

  /** Gives requests away until none is left or no worker has room. */
  #drain(): void {
    while (this.#queue.length > 0) {
      const worker = this.#leastBusy();
      if (worker === undefined) return;
      const id = this.#ids.take();
      if (id === undefined) return;
      this.#give(this.#queue.shift()!, worker, id);
    }
  }

  #give(job: Job, worker: PushWorker, id: number): void {
    job.id = id;
    this.#open[this.#ids.entryOf(id)] = { job, worker, sentMs: this.#now(), lasts: false };
    this.#openCount++;
    worker.outstanding++;
    this.#port.push(worker.number, job);
  }

  #leastBusy(): PushWorker | undefined {
    const count = this.#ready.length;
    let best: PushWorker | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step++) {
      const worker = this.#ready[(this.#turn + step) % count]!;
      const load = worker.outstanding + worker.lasting;
      if (load >= least || worker.outstanding >= this.#perWorker || !this.#port.takes(worker.number)) continue;
      best = worker;
      least = load;
      if (load === 0) break;
    }
    this.#turn = count === 0 ? 0 : (this.#turn + 1) % count;
    return best;
  }
}
