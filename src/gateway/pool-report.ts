import type { Completion } from "../request/exchange.ts";
import type { TimeLimit } from "./limits-from-settings.ts";
import type { WorkerReport } from "./worker-report.ts";

/** What the pool tells the arbiter, and the log. */
export interface PoolReport extends WorkerReport {
  warn(text: string): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** A request waits no more for a worker: it has been with one, or its time was over. */
  waited(durationMs: number): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
  /** What became of a request that no worker can log. */
  unclaimed(completion: Completion): void;
}
