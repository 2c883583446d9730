/** The time that a request may spend in the application (`request_timeout`, `request_timeout_hard`), or spends there noticed (`slow_request`). */

import type { Dispatcher, RunningJob } from "../dispatch/dispatcher.ts";
import type { LateLimit } from "./worker-report.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** An interruption that met code which must not be interrupted is repeated this much later: as rarely as heartbeats. */
const REPEAT_MS = 1000;

/** Milliseconds; 0: none. */
export interface RequestTimes {
  /** The request is shown in the log. */
  readonly slowMs: number;
  /** It is interrupted. */
  readonly softMs: number;
  /** Its worker is killed. */
  readonly hardMs: number;
}

/** @param first  It is the first time that this limit is told of for the request. */
export type TellLate = (running: RunningJob, limit: LateLimit, first: boolean) => void;

export class RequestLimits {
  #times: RequestTimes;
  readonly #tell: TellLate;
  /** The age at which a slow request is told of next. Entries go with their requests. */
  readonly #slowDueMs = new WeakMap<WorkerRequest, number>();
  /** When the soft limit was told of last. Entries go with their requests. */
  readonly #toldMs = new WeakMap<WorkerRequest, number>();

  constructor(times: RequestTimes, tell: TellLate) {
    this.#times = times;
    this.#tell = tell;
  }

  /** After a reload. */
  change(times: RequestTimes): void {
    this.#times = times;
  }

  /** To be called a few times a second. */
  sweep(nowMs: number, dispatcher: Dispatcher): void {
    const { slowMs, softMs, hardMs } = this.#times;
    const limits = [slowMs, softMs, hardMs].filter((ms) => ms > 0);
    if (limits.length === 0) return;
    for (const running of dispatcher.runningLongerThan(nowMs, Math.min(...limits))) {
      // Every job of the pool's dispatcher is a WorkerRequest.
      const request = running.job as WorkerRequest;
      if (request.hasTaken) continue;
      if (hardMs > 0 && running.ageMs > hardMs) {
        this.#strikeHard(running, request);
        continue;
      }
      // First, for then it is still where it has been all the time.
      if (slowMs > 0 && running.ageMs > slowMs) this.#show(running, request, slowMs);
      if (softMs > 0 && running.ageMs > softMs) this.#strikeSoft(running, request, nowMs);
    }
  }

  #show(running: RunningJob, request: WorkerRequest, slowMs: number): void {
    const dueMs = this.#slowDueMs.get(request) ?? slowMs;
    if (running.ageMs < dueMs) return;
    let nextMs = dueMs * 2;
    // A reload has made the limit smaller, or the gateway has been stopped for a while: what was passed over is not made up for.
    while (nextMs <= running.ageMs) nextMs *= 2;
    this.#tell(running, "slow", !this.#slowDueMs.has(request));
    this.#slowDueMs.set(request, nextMs);
  }

  #strikeHard(running: RunningJob, request: WorkerRequest): void {
    if (!request.cutShort()) return;
    this.#tell(running, "hard", true);
  }

  #strikeSoft(running: RunningJob, request: WorkerRequest, nowMs: number): void {
    const toldMs = this.#toldMs.get(request);
    if (toldMs !== undefined && nowMs - toldMs < REPEAT_MS) return;
    this.#toldMs.set(request, nowMs);
    request.late = true;
    this.#tell(running, "soft", toldMs === undefined);
  }
}
