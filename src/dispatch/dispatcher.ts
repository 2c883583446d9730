/** What the worker pool needs of a way to dispatch: by pull (`pull-dispatcher.ts`) or by push (`push-dispatcher.ts`). */

/** What is dispatched: a request that waits for a worker. */
export interface Job {
  /** The marshalled head, latin-1 text. */
  readonly environ: string;
  /** The whole body when it travels with the head; undefined when it comes through the channel; empty for none. */
  readonly inlineBody: Buffer | undefined;
  /** When it began to wait for a worker, monotonic milliseconds: the clock of `queue_timeout`. */
  readonly queuedMs: number;
  /** Id of the request while a worker may have it, 0 while in the queue; set by the dispatcher. */
  id: number;
  /** Its client has left. */
  readonly abandoned: boolean;
  /** It came back from a worker that died before it had begun, and is abandoned: nobody will have it. */
  onDropped(): void;
  /** The worker died with the request in its hands, or it may have begun: only who made the job may submit it again. */
  onWorkerLost(): void;
}

/** A request whose worker has been silent for longer than it may. */
export interface OverdueJob {
  readonly job: Job;
  readonly worker: number;
  readonly silentMs: number;
}

/** A request that is in the application. */
export interface RunningJob {
  readonly job: Job;
  readonly worker: number;
  readonly ageMs: number;
}

/** Requests that no worker has begun. */
export interface WaitingJobs {
  /** The oldest. */
  readonly first: Job[];
  readonly count: number;
}

export interface Dispatcher {
  /** Requests that wait in the gateway. */
  readonly queued: number;
  /** Requests that have left the queue and are not answered. */
  readonly open: number;
  /** Workers that take requests. */
  readonly workers: number;
  submit(job: Job): void;
  /** Takes a request out of the queue whose client has left or whose deadline has passed. @returns false when it has left the queue. */
  withdraw(job: Job): boolean;
  /** Takes the requests out of the queue that have waited since before `cutoffMs`. */
  withdrawOlderThan(cutoffMs: number): Job[];
  /** The request behind a frame's stream id. */
  find(id: number): Job | undefined;
  /**
   * When a worker took a request that is open, monotonic milliseconds; undefined when none may have it.
   *
   * @param nowMs    Monotonic.
   * @param roughMs  What was handed out less than this ago was taken at once: looking it up costs a system call.
   */
  startedMs(id: number, nowMs: number, roughMs: number): number | undefined;
  /** The worker has sent the last frame of its response. */
  finished(id: number): void;
  /** A request has become a conversation without end, a WebSocket: it does not count any more against what its worker may have at once. */
  outlasts(id: number): void;
  /** @param group  Workers of one group share an interpreter. */
  workerReady(worker: number, group?: number): void;
  /** The worker takes no more requests. */
  workerLeaving(worker: number): void;
  /**
   * A worker's channel is at its end and all its answers have been read: decides about every request that it may have.
   *
   * @param alive  It was our end that was closed: the worker may still be at work.
   * @returns      Those that are lost with it, the oldest first.
   */
  workerLost(worker: number, alive: boolean): Job[];
  /** Requests that were begun, or whose worker showed life, more than `limitMs` ago. @param nowMs  Monotonic. */
  overdue(nowMs: number, limitMs: number): OverdueJob[];
  /** Requests that were begun more than `limitMs` ago, whatever else their worker does. @param nowMs  Monotonic. */
  runningLongerThan(nowMs: number, limitMs: number): RunningJob[];
  /** Requests that no worker has begun: those that a worker may have, then the queue. @param countMax  Of the list. */
  waiting(countMax: number): WaitingJobs;
  /** Whether some request has been with the workers since before `cutoffMs`. */
  hasOpenSince(cutoffMs: number): boolean;
  /** The request that a worker has in its hands, if any: of several, the oldest. For the log. */
  heldBy(worker: number): Job | undefined;
  /** What a port's `scheduleFlush` asked for. @param nowMs  Monotonic. */
  flush(nowMs: number): void;
}

/** Takes the jobs off the front of a queue that began to wait before `cutoffMs`. */
export function takeOlderThan(queue: { peek(): Job | undefined; shift(): Job | undefined }, cutoffMs: number): Job[] {
  const expired: Job[] = [];
  for (let job = queue.peek(); job !== undefined && job.queuedMs < cutoffMs; job = queue.peek()) {
    expired.push(job);
    queue.shift();
  }
  return expired;
}
