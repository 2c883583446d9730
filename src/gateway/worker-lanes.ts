/** Which lanes belong to which worker: the arbiter hears of workers, each once, whatever number of lanes they have. */

import type { RequestSummary, WorkerReport } from "./worker-report.ts";

/** A lane, as far as this needs it. */
export interface LaneLink {
  readonly worker: number;
  readonly pid: number;
  stop(): void;
}

interface WorkerEntry {
  readonly links: Set<LaneLink>;
  /** Requests that were lost with its lanes so far. */
  readonly lost: RequestSummary[];
  ready: boolean;
  leaving: boolean;
  overdue: boolean;
  /** It was told to leave: what comes of it later is told too. */
  stopped: boolean;
}

/** The lanes of a process that dies end one after the other, within this time. One that ends alone is a fault. */
const END_TOGETHER_MS = 100;
/** Lost requests that are named. An event loop may have had thousands: so many tell what it was doing, the others are counted. */
export const LOST_SHOWN_MAX = 100;
/** Workers whose channel was still on its way from the nursery when they were told to leave; few ever are, at the death of a nursery. */
const EARLY_STOPS_MAX = 1024;

export class WorkerLanes {
  readonly #report: WorkerReport;
  readonly #callAfter: (delayMs: number, callback: () => void) => void;
  readonly #workers = new Map<number, WorkerEntry>();
  readonly #stoppedEarly = new Set<number>();

  constructor(report: WorkerReport, callAfter: (delayMs: number, callback: () => void) => void) {
    this.#report = report;
    this.#callAfter = callAfter;
  }

  add(link: LaneLink): void {
    const { worker } = link;
    const entry = this.#workers.get(worker) ?? this.#newEntry(worker);
    entry.links.add(link);
    if (entry.stopped) link.stop();
  }

  #newEntry(worker: number): WorkerEntry {
    const stopped = this.#stoppedEarly.delete(worker);
    const entry = { links: new Set<LaneLink>(), lost: [], ready: false, leaving: false, overdue: false, stopped };
    this.#workers.set(worker, entry);
    return entry;
  }

  /**
   * A lane pulls. The first one makes the worker ready: the others follow within milliseconds, unless this gateway is new and
   * they still have requests of the one before, for which the worker need not wait.
   */
  ready(link: LaneLink): void {
    const entry = this.#workers.get(link.worker);
    if (entry === undefined || entry.ready) return;
    entry.ready = true;
    this.#report.workerReady(link.worker);
  }

  /** A lane pulls no more: none of the worker's does, or will in a moment. */
  leaving(link: LaneLink): void {
    const entry = this.#workers.get(link.worker);
    if (entry !== undefined) this.#leave(link.worker, entry);
  }

  #leave(worker: number, entry: WorkerEntry): void {
    if (entry.leaving) return;
    entry.leaving = true;
    this.#report.workerLeaving(worker);
  }

  /** A lane's channel has ended. @param requests  What was lost with it. */
  lost(link: LaneLink, requests: readonly RequestSummary[]): void {
    const { worker, pid } = link;
    const entry = this.#workers.get(worker);
    if (entry === undefined || !entry.links.delete(link)) return;
    for (const request of requests) entry.lost.push(request);
    if (entry.links.size === 0) {
      this.#workers.delete(worker);
      const shown = entry.lost.slice(0, LOST_SHOWN_MAX);
      this.#report.workerLost({ worker, pid, requests: shown, more: entry.lost.length - shown.length });
    } else if (!entry.leaving) {
      this.#callAfter(END_TOGETHER_MS, () => this.#endRest(worker, entry));
    }
  }

  /** One lane less would never be noticed: the worker finishes what it has and is replaced. */
  #endRest(worker: number, entry: WorkerEntry): void {
    if (this.#workers.get(worker) !== entry) return;
    this.#leave(worker, entry);
    for (const link of entry.links) link.stop();
  }

  /** The worker has been silent for too long. */
  overdue(worker: number, silentMs: number, request: RequestSummary | undefined): void {
    const entry = this.#workers.get(worker);
    if (entry === undefined || entry.overdue) return;
    entry.overdue = true;
    this.#report.overdue(worker, silentMs, request);
  }

  /** Tells a worker to leave, or will as soon as its channel comes. */
  stop(worker: number): void {
    const entry = this.#workers.get(worker);
    if (entry === undefined) {
      this.#stoppedEarly.add(worker);
      const [oldest] = this.#stoppedEarly;
      if (oldest !== undefined && this.#stoppedEarly.size > EARLY_STOPS_MAX) this.#stoppedEarly.delete(oldest);
      return;
    }
    entry.stopped = true;
    for (const link of entry.links) link.stop();
  }

  isStopped(worker: number): boolean {
    return this.#workers.get(worker)?.stopped === true;
  }
}
