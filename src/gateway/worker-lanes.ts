/** Which lanes belong to which worker: the arbiter hears of workers, each once, whatever number of lanes they have. */

import { LOST_SHOWN_MAX, type RequestSummary, type WorkerReport } from "./worker-report.ts";

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
}

/** The lanes of a process that dies end one after the other, within this time. One that ends alone is a fault. */
const END_TOGETHER_MS = 100;

export class WorkerLanes {
  readonly #report: WorkerReport;
  readonly #callAfter: (delayMs: number, callback: () => void) => void;
  readonly #workers = new Map<number, WorkerEntry>();

  constructor(report: WorkerReport, callAfter: (delayMs: number, callback: () => void) => void) {
    this.#report = report;
    this.#callAfter = callAfter;
  }

  add(link: LaneLink): void {
    const entry = this.#workers.get(link.worker);
    if (entry !== undefined) entry.links.add(link);
    else this.#workers.set(link.worker, { links: new Set([link]), lost: [], ready: false, leaving: false, overdue: false });
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

  stop(worker: number): void {
    for (const link of this.#workers.get(worker)?.links ?? []) link.stop();
  }
}
