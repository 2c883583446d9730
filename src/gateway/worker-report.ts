/** What the gateway tells the arbiter about its workers (docs/internals/channels.md §2). */

/** A request as the arbiter's log shows it. */
export interface RequestSummary {
  readonly method: string;
  readonly target: string;
  /** Of its stream. */
  readonly id: number;
  /** Where requests have ids (`request_id_header`, JSON lines). */
  readonly requestId?: string;
  readonly ageMs: number;
}

/** A worker whose channels have ended. */
export interface LostWorker {
  readonly worker: number;
  readonly pid: number;
  /** Requests that were lost with it: at most `LOST_SHOWN_MAX`. */
  readonly requests: readonly RequestSummary[];
  /** How many more there were. */
  readonly more: number;
}

/** What a request is over: `slow_request`, `request_timeout`, `request_timeout_hard`. */
export type LateLimit = "slow" | "soft" | "hard";

export interface WorkerReport {
  workerReady(worker: number): void;
  workerLeaving(worker: number): void;
  workerLost(lost: LostWorker): void;
  /** A request is in the application for longer than it may; the slow and the soft limit are told of again while it lasts, `first` once. */
  late(worker: number, limit: LateLimit, first: boolean, request: RequestSummary): void;
  /** The worker has been silent for longer than `timeout`, with this request in its hands; an event loop may have none. */
  overdue(worker: number, silentMs: number, request: RequestSummary | undefined): void;
}
