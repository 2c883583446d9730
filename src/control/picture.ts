/** The server at one moment, as answers show it. */

import type { ArbiterState, Worker } from "../lifecycle/state.ts";
import type { Resolved } from "../settings/index.ts";
import type { Chronicle } from "./chronicle.ts";
import type { JoinedReport, ReportedRequest, ReportedWorker } from "./gateway-report.ts";
import type { DurationCounts } from "./latency.ts";

export interface ProcessMemory {
  readonly rssBytes: number | null;
  /** Pages that are shared count by their share; null where the kernel does not say. */
  readonly pssBytes: number | null;
}

export interface Picture {
  readonly nowMs: number;
  readonly pid: number;
  readonly version: string;
  readonly state: ArbiterState;
  readonly resolved: Resolved;
  readonly chronicle: Chronicle;
  /** Descriptors of the listening sockets in the master, in their order. */
  readonly listenerDescriptors: readonly number[];
  /** Undefined: no gateway runs. */
  readonly report: JoinedReport | undefined;
  /** Undefined: nobody counts. */
  readonly durations?: DurationCounts | undefined;
  /** By pid. */
  readonly memory: ReadonlyMap<number, ProcessMemory>;
}

export type BornWorker = Worker & { readonly pid: number };

/** Workers that have been forked, the oldest first. */
export function bornWorkers({ workers }: ArbiterState): BornWorker[] {
  return [...workers.values()].filter((worker): worker is BornWorker => worker.pid !== undefined);
}

export function workerByPid(state: ArbiterState, pid: number): BornWorker | undefined {
  return bornWorkers(state).find((worker) => worker.pid === pid);
}

/** @returns seconds with two digits behind the point, as Gunicorn has them. */
export function seconds(ms: number): number {
  return Math.round(ms / 10) / 100;
}

/** A worker as every list shows it: Gunicorn's fields, then ours. */
export interface ShownWorker {
  readonly pid: number;
  readonly age: number;
  readonly booted: boolean;
  readonly aborted: boolean;
  /** Seconds of silence, as `timeout` measures them; null: nobody knows. */
  readonly last_heartbeat: number | null;
  readonly generation: number;
  readonly state: string;
  /** Requests that it has answered. */
  readonly requests: number | null;
  readonly in_flight: number | null;
  readonly rss_bytes: number | null;
  readonly pss_bytes: number | null;
}

export function shownWorkers(picture: Picture): ShownWorker[] {
  const loads = new Map(picture.report?.workers.map((load) => [load.worker, load]));
  return bornWorkers(picture.state).map((worker) => shownWorker(worker, picture, loads.get(worker.number)));
}

function shownWorker(worker: BornWorker, { nowMs, memory }: Picture, load: ReportedWorker | undefined): ShownWorker {
  const { pid, number, generation, state, forkedMs, bornMs, doomed } = worker;
  const booting = state.at === "booting";
  const silentMs = booting ? nowMs - (bornMs ?? forkedMs) : load?.silentMs;
  return {
    pid,
    age: number,
    booted: !booting && !("booting" in state && state.booting),
    aborted: state.at === "aborted" || state.at === "killed",
    last_heartbeat: silentMs === undefined ? null : seconds(silentMs),
    generation,
    state: doomed && state.at === "ready" ? "being replaced" : state.at,
    requests: load?.requests ?? null,
    in_flight: load?.inFlight ?? null,
    rss_bytes: memory.get(pid)?.rssBytes ?? null,
    pss_bytes: memory.get(pid)?.pssBytes ?? null,
  };
}

/** A request as every list shows it. */
export interface ShownRequest {
  readonly method: string;
  readonly path: string;
  /** Of its stream: two gateways may have given the same. */
  readonly id: number;
  /** By which the logs name it; null: requests have no ids. */
  readonly request_id: string | null;
  /** Since it arrived. */
  readonly seconds: number;
  readonly state: ReportedRequest["state"];
  /** Of the worker that runs it; null: none does. */
  readonly pid: number | null;
}

export function shownRequests({ state, report }: Picture): ShownRequest[] {
  return (report?.requests ?? []).map(({ method, target, id, requestId, ageMs, state: at, worker }) => ({
    method,
    path: target,
    id,
    request_id: requestId ?? null,
    seconds: seconds(ageMs),
    state: at,
    pid: (worker === undefined ? undefined : state.workers.get(worker)?.pid) ?? null,
  }));
}
