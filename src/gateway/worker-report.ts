/** What the gateway tells the arbiter about its workers (docs/internals/channels.md §2). */

/** A request as the arbiter's log shows it. */
export interface RequestSummary {
  readonly method: string;
  readonly target: string;
  readonly id: number;
  readonly ageMs: number;
}

export interface WorkerReport {
  workerReady(worker: number): void;
  workerLeaving(worker: number): void;
  /** @param requests  Those that it had in its hands. */
  workerLost(worker: number, requests: readonly RequestSummary[]): void;
  /** The worker has been silent for longer than `timeout`, with this request in its hands; an event loop may have none. */
  overdue(worker: number, silentMs: number, request: RequestSummary | undefined): void;
}
