/** What becomes due in a pool as time passes: bodies that are waited for, requests that wait or run for too long, workers that are silent. */

import type { Dispatcher, RunningJob } from "../dispatch/dispatcher.ts";
import { summaryOf } from "./holdings.ts";
import type { PoolLimits } from "./pool-limits.ts";
import type { PoolReport } from "./pool-report.ts";
import { RequestLimits } from "./request-limits.ts";
import type { WorkerChannels } from "./worker-channels.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { LateLimit } from "./worker-report.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** Every job of the pool's dispatcher is a WorkerRequest. */
export class PoolDeadlines {
  #limits: PoolLimits;
  readonly #dispatcher: Dispatcher;
  readonly #channels: WorkerChannels;
  readonly #gathering: ReadonlySet<WorkerRequest>;
  readonly #report: PoolReport;
  readonly #requestLimits: RequestLimits;
  /** Requests that the arbiter has been told of, because their worker is silent. */
  readonly #overdue = new WeakSet<WorkerRequest>();

  /** @param gathering  Requests whose body is coming. */
  constructor(
    limits: PoolLimits,
    dispatcher: Dispatcher,
    channels: WorkerChannels,
    gathering: ReadonlySet<WorkerRequest>,
    report: PoolReport,
  ) {
    this.#limits = limits;
    this.#dispatcher = dispatcher;
    this.#channels = channels;
    this.#gathering = gathering;
    this.#report = report;
    this.#requestLimits = new RequestLimits(limits.requestTimes, (...late) => this.#tellLate(...late));
  }

  /** New settings, for what begins from now on. */
  change(limits: PoolLimits): void {
    this.#limits = limits;
    this.#channels.hearts.timeoutMs = limits.timeoutMs;
    this.#requestLimits.change(limits.requestTimes);
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(now: number): void {
    this.#channels.hearts.sweep(now, (link, silentMs) => this.#onSilent(link, silentMs, now));
    for (const request of this.#gathering) {
      if (now - request.arrivedMs >= this.#limits.bodyWaitMs) request.bodyWaitOver(now);
    }
    if (this.#limits.queueTimeoutMs > 0) {
      const expired = this.#dispatcher.withdrawOlderThan(now - this.#limits.queueTimeoutMs) as WorkerRequest[];
      for (const request of expired) {
        this.#report.limitReached("queue-timeout", this.#limits.queueTimeoutMs, request.stream.head.peer.remoteAddress);
        this.#report.waited(now - request.queuedMs);
        request.expire(Math.ceil(this.#limits.queueTimeoutMs / 1000));
      }
    }
    if (this.#limits.timeoutMs > 0) this.#findOverdue(now);
    this.#requestLimits.sweep(now, this.#dispatcher);
  }

  #tellLate({ job, worker: lane, ageMs }: RunningJob, limit: LateLimit, first: boolean): void {
    const link = this.#channels.links.get(lane);
    if (link !== undefined) this.#report.late(link.worker, limit, first, summaryOf(job as WorkerRequest, ageMs));
  }

  #onSilent(link: WorkerLink, silentMs: number, now: number): void {
    const held = this.#dispatcher.heldBy(link.number) as WorkerRequest | undefined;
    this.#channels.lanes.overdue(link.worker, silentMs, held && summaryOf(held, now - held.arrivedMs));
  }

  #findOverdue(now: number): void {
    for (const { job, worker: lane, silentMs } of this.#dispatcher.overdue(now, this.#limits.timeoutMs)) {
      const request = job as WorkerRequest;
      const link = this.#channels.links.get(lane);
      if (this.#overdue.has(request) || link === undefined) continue;
      this.#overdue.add(request);
      request.late = true;
      this.#channels.lanes.overdue(link.worker, silentMs, summaryOf(request, silentMs));
    }
  }
}
