/** What two looks at a server say together: how fast things go. */

import { type Latencies, latenciesBetween } from "./latency.ts";
import type { Top } from "./our-answers.ts";

/** A server as it was at a moment of the looker's own monotonic clock. */
export interface Sample {
  readonly atMs: number;
  readonly top: Top;
}

export interface Rates {
  /** Answers a second. */
  readonly requests: number;
  /** New connections a second. */
  readonly connections: number;
  /** Answers a second, by the worker's pid. */
  readonly byWorker: ReadonlyMap<number, number>;
  /** Undefined: no answer came, or nobody counts. */
  readonly latencies: Latencies | undefined;
}

/** Two looks that are closer together say nothing. */
const APART_MS_MIN = 50;

/** @returns undefined for looks at two servers, or at one whose gateway has been replaced: its counters began anew. */
export function ratesBetween(before: Sample | undefined, now: Sample): Rates | undefined {
  if (before === undefined || before.top.server.pid !== now.top.server.pid) return undefined;
  const seconds = (now.atMs - before.atMs) / 1000;
  if (seconds * 1000 < APART_MS_MIN) return undefined;
  const requests = now.top.counters.requests - before.top.counters.requests;
  const connections = now.top.connections.accepted - before.top.connections.accepted;
  if (requests < 0 || connections < 0) return undefined;
  const latencies = latenciesBetween(before.top.durations, now.top.durations);
  const earlier = new Map(before.top.workers.map((worker) => [worker.pid, worker.requests ?? 0]));
  const byWorker = now.top.workers.map(({ pid, requests: answered }): [number, number] => {
    const more = (answered ?? 0) - (earlier.get(pid) ?? 0);
    return [pid, Math.max(0, more) / seconds];
  });
  return { requests: requests / seconds, connections: connections / seconds, byWorker: new Map(byWorker), latencies };
}
