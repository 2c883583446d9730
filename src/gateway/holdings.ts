/** What a gateway says of itself when the arbiter asks (`report`, docs/internals/channels.md §2): requests, connections, workers. */

import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { WorkerPools } from "./worker-pools.ts";
import type { RequestSummary } from "./worker-report.ts";
import type { WorkerRequest } from "./worker-request.ts";

/** Targets in the log and in reports are cut here: a client chooses their length. */
export const TARGET_SHOWN_MAX = 200;
/** Requests in one report: a screen shows fifty, a queue may hold thousands, and the arbiter is asked once a second. */
export const REQUESTS_REPORTED_MAX = 200;

export interface HeldRequest extends RequestSummary {
  /** Since it arrived. */
  readonly ageMs: number;
  /** receiving: its body comes; queued: no worker has begun it; running: it is in the application. */
  readonly state: "receiving" | "queued" | "running";
  /** The worker's number, while one runs it. */
  readonly worker?: number;
}

export interface WorkerLoad {
  readonly worker: number;
  /** Answered so far. */
  readonly requests: number;
  /** In the application now. WebSockets are not among them. */
  readonly inFlight: number;
  /** As `timeout` measures it. */
  readonly silentMs: number;
}

export interface PoolHoldings {
  /** The oldest first. */
  readonly requests: readonly HeldRequest[];
  /** Requests that are not in the list. */
  readonly more: number;
  readonly queued: number;
  /** Requests that workers have answered so far. */
  readonly answered: number;
  readonly workers: readonly WorkerLoad[];
}

export interface GatewayReport extends PoolHoldings {
  /** Clients' connections that are open. */
  readonly connections: number;
  /** Connections so far. */
  readonly accepted: number;
  /** Lanes of workers that take requests. */
  readonly lanes: number;
}

export function reportOf(pools: WorkerPools, connections: number, accepted: number): GatewayReport {
  const parts = pools.holdings(REQUESTS_REPORTED_MAX);
  const requests = parts.flatMap((part) => part.requests).sort(byAge);
  const shown = requests.slice(0, REQUESTS_REPORTED_MAX);
  return {
    requests: shown,
    more: sum(parts, ({ more }) => more) + requests.length - shown.length,
    queued: sum(parts, ({ queued }) => queued),
    answered: sum(parts, ({ answered }) => answered),
    workers: parts.flatMap(({ workers }) => workers),
    connections,
    accepted,
    lanes: pools.workers,
  };
}

/**
 * @param gathering       Requests whose body is coming.
 * @param answeredByLost  Requests that workers have answered whose channels are gone.
 */
export function describeHoldings(
  nowMs: number,
  requestsMax: number,
  links: readonly WorkerLink[],
  gathering: ReadonlySet<WorkerRequest>,
  dispatcher: Dispatcher,
  hearts: Heartbeats,
  answeredByLost: number,
): PoolHoldings {
  const ownerOf = new Map(links.map(({ number, worker }) => [number, worker]));
  const running = dispatcher.runningLongerThan(nowMs, -1);
  // Every job of a pool's dispatcher is a WorkerRequest.
  const waiting = dispatcher.waiting(requestsMax);
  const receiving = [...gathering];
  const requests = [
    ...running.map(({ job, worker }) => held(job as WorkerRequest, nowMs, "running", ownerOf.get(worker))),
    ...waiting.first.map((job) => held(job as WorkerRequest, nowMs, "queued")),
    ...receiving.map((request) => held(request, nowMs, "receiving")),
  ].sort(byAge);
  const shown = requests.slice(0, requestsMax);
  return {
    requests: shown,
    more: running.length + waiting.count + receiving.length - shown.length,
    queued: waiting.count,
    answered: answeredByLost + sum(links, ({ answers }) => answers),
    workers: loadsOf(
      links,
      running.map(({ worker }) => ownerOf.get(worker)),
      silences(nowMs, links, dispatcher, hearts),
    ),
  };
}

function held({ stream, id, arrivedMs }: WorkerRequest, nowMs: number, state: HeldRequest["state"], worker?: number): HeldRequest {
  const { method, target } = stream.head;
  const ageMs = Math.round(Math.max(0, nowMs - arrivedMs));
  return { method, target: target.slice(0, TARGET_SHOWN_MAX), id, ageMs, state, ...(worker === undefined ? {} : { worker }) };
}

/** By the worker's number. A lane's silence is its worker's. */
function silences(nowMs: number, links: readonly WorkerLink[], dispatcher: Dispatcher, hearts: Heartbeats): Map<number, number> {
  const silentMs = new Map<number, number>();
  const ofLane = new Map(dispatcher.overdue(nowMs, 0).map((late) => [late.worker, late.silentMs]));
  for (const link of links) {
    const longest = Math.max(silentMs.get(link.worker) ?? 0, ofLane.get(link.number) ?? 0, hearts.silenceMs(link, nowMs));
    silentMs.set(link.worker, longest);
  }
  return silentMs;
}

function loadsOf(links: readonly WorkerLink[], busy: readonly (number | undefined)[], silentMs: ReadonlyMap<number, number>): WorkerLoad[] {
  return [...silentMs].map(([worker, silence]) => ({
    worker,
    requests: sum(
      links.filter((link) => link.worker === worker),
      ({ answers }) => answers,
    ),
    inFlight: busy.filter((each) => each === worker).length,
    silentMs: Math.round(silence),
  }));
}

function byAge(one: HeldRequest, other: HeldRequest): number {
  return other.ageMs - one.ageMs;
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}

/** As the arbiter's log shows it. */
export function summaryOf({ stream, id }: WorkerRequest, ageMs: number): RequestSummary {
  const { method, target, requestId } = stream.head;
  const summary = { method, target: target.slice(0, TARGET_SHOWN_MAX), id, ageMs: Math.round(ageMs) };
  return requestId === undefined ? summary : { ...summary, requestId };
}
