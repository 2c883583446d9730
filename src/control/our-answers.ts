/** The answers to commands that Gunicorn does not have. */

import type { Chronicle } from "./chronicle.ts";
import type { DurationCounts } from "./latency.ts";
import { type Picture, type ShownRequest, type ShownWorker, seconds, shownRequests, shownWorkers, workerByPid } from "./picture.ts";

/** In `show top`: what a screen has room for. `show exits` has all that are kept. */
const EXITS_IN_TOP_MAX = 5;

export interface ShownExit {
  readonly pid: number;
  readonly age: number;
  readonly generation: number;
  readonly seconds_ago: number;
  readonly reason: string;
  readonly status: string;
  readonly detail: string | null;
}

export interface ReloadProgress {
  /** none, or: due; reading the settings; binding addresses; replacing the workers. */
  readonly state: "none" | "due" | "reading" | "binding" | "replacing";
  /** The wanted generation, and how many of its workers are ready. */
  readonly generation: number;
  readonly ready: number;
  readonly target: number;
  /** Why the last one has come to nothing. */
  readonly withdrawn: string | null;
}

/** Everything at once: for a screen that is drawn once a second. */
export interface Top {
  readonly server: {
    readonly pid: number;
    readonly version: string;
    readonly name: string;
    readonly uptime: number;
    readonly state: string;
    readonly worker_class: string;
    readonly listening: readonly string[];
  };
  readonly reload: ReloadProgress;
  readonly workers: readonly ShownWorker[];
  /** The oldest first. */
  readonly requests: readonly ShownRequest[];
  readonly more_requests: number;
  readonly queue: ReturnType<typeof showQueue>;
  readonly connections: ReturnType<typeof showConnections>;
  readonly counters: {
    readonly requests: number;
    readonly workers_spawned: number;
    readonly workers_killed: number;
    readonly reloads: number;
  };
  /** How long answers took, from the request's head to their end; null: it is not known. */
  readonly durations: DurationCounts | null;
  readonly exits: readonly ShownExit[];
}

export function showTop(picture: Picture, listening: readonly string[]): Top {
  const { state, chronicle, resolved, report, nowMs, pid, version } = picture;
  const { proc_name, default_proc_name } = resolved.settings;
  return {
    server: {
      pid,
      version,
      name: proc_name ?? default_proc_name ?? "",
      uptime: seconds(nowMs - chronicle.startedMs),
      state: state.phase.at,
      worker_class: resolved.workerClass,
      listening,
    },
    reload: reloadProgress(picture),
    workers: shownWorkers(picture),
    requests: shownRequests(picture),
    more_requests: report?.more ?? 0,
    queue: showQueue(picture),
    connections: showConnections(picture),
    counters: {
      requests: report?.answered ?? 0,
      workers_spawned: chronicle.spawned,
      workers_killed: chronicle.killed,
      reloads: state.readings,
    },
    durations: picture.durations ?? null,
    exits: shownExits(chronicle, nowMs).slice(0, EXITS_IN_TOP_MAX),
  };
}

function reloadProgress({ state }: Picture): ReloadProgress {
  const { reload, reloading, generation, target, withdrawn } = state;
  const ready = [...state.workers.values()].filter((worker) => worker.generation === generation && worker.state.at === "ready").length;
  const at = reload.at !== "none" ? reload.at : reloading ? "replacing" : "none";
  return { state: at, generation, ready, target, withdrawn: withdrawn ?? null };
}

export function showRequests(picture: Picture): object {
  const requests = shownRequests(picture);
  return { requests, more: picture.report?.more ?? 0, silent_gateways: silentGateways(picture) };
}

export function showQueue(picture: Picture) {
  const first = picture.report?.requests.find(({ state }) => state === "queued");
  return {
    length: picture.report?.queued ?? 0,
    /** Age of the first request in it. */
    oldest_seconds: first === undefined ? null : seconds(first.ageMs),
    silent_gateways: silentGateways(picture),
  };
}

export function showConnections(picture: Picture) {
  const { report } = picture;
  return { open: report?.connections ?? 0, accepted: report?.accepted ?? 0, silent_gateways: silentGateways(picture) };
}

/** Pids of gateways that have not answered in time: their part is missing. */
function silentGateways({ report }: Picture): readonly number[] {
  return report?.silent ?? [];
}

/** @returns undefined for a pid that is no worker's. */
export function showWorker(picture: Picture, pid: number): object | undefined {
  const shown = shownWorkers(picture).find((worker) => worker.pid === pid);
  if (workerByPid(picture.state, pid) === undefined || shown === undefined) return undefined;
  return { ...shown, requests_in_flight: shownRequests(picture).filter((request) => request.pid === pid) };
}

export function showExits({ chronicle, nowMs }: Picture): object {
  const exits = shownExits(chronicle, nowMs);
  return { exits, count: exits.length };
}

function shownExits({ exits }: Chronicle, nowMs: number): ShownExit[] {
  return exits.map(({ pid, worker, generation, atMs, reason, status, detail }) => ({
    pid,
    age: worker,
    generation,
    seconds_ago: seconds(nowMs - atMs),
    reason,
    status,
    detail: detail ?? null,
  }));
}
