/** The time that a request may spend in the application (`request_timeout`, `request_timeout_hard`). */

import type { Dispatcher, RunningJob } from "../dispatch/dispatcher.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** An interruption that met code which must not be interrupted is repeated this much later: as rarely as heartbeats. */
const REPEAT_MS = 1000;

/** @param first  It is the first time that this limit is told of for the request. */
export type TellLate = (running: RunningJob, limit: "soft" | "hard", first: boolean) => void;

export class RequestLimits {
  #softMs: number;
  #hardMs: number;
  readonly #tell: TellLate;
  /** When the soft limit was told of last. Entries go with their requests. */
  readonly #toldMs = new WeakMap<WorkerRequest, number>();

  /** @param softMs  0: none; the same for `hardMs`. */
  constructor(softMs: number, hardMs: number, tell: TellLate) {
    this.#softMs = softMs;
    this.#hardMs = hardMs;
    this.#tell = tell;
  }

  /** After a reload. */
  change(softMs: number, hardMs: number): void {
    this.#softMs = softMs;
    this.#hardMs = hardMs;
  }

  /** To be called a few times a second. */
  sweep(nowMs: number, dispatcher: Dispatcher): void {
    const limits = [this.#softMs, this.#hardMs].filter((ms) => ms > 0);
    if (limits.length === 0) return;
    for (const running of dispatcher.runningLongerThan(nowMs, Math.min(...limits))) {
      // Every job of the pool's dispatcher is a WorkerRequest.
      const request = running.job as WorkerRequest;
      if (request.hasTaken) continue;
      if (this.#hardMs > 0 && running.ageMs > this.#hardMs) this.#strikeHard(running, request);
      else if (this.#softMs > 0) this.#strikeSoft(running, request, nowMs);
    }
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
