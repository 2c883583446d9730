/** The answers to Gunicorn's commands: its fields and its order, with values that are right where its own are not (docs/differences.md). */

import { addressUrl } from "../base/address.ts";
import { type SettingName, settingsToJson, workerClassName } from "../settings/index.ts";
import type { Picture } from "./picture.ts";
import { seconds, shownWorkers } from "./picture.ts";

/** What `show config` shows, in Gunicorn's order. */
const SHOWN_SETTINGS: readonly SettingName[] = [
  "bind",
  "workers",
  "worker_class",
  "threads",
  "timeout",
  "graceful_timeout",
  "keepalive",
  "max_requests",
  "max_requests_jitter",
  "worker_connections",
  "preload_app",
  "daemon",
  "pidfile",
  "proc_name",
  "reload",
  "dirty_workers",
  "dirty_apps",
  "dirty_timeout",
  "control_socket",
  "control_socket_disable",
];

export const DIRTY_NOT_RUNNING = { success: false, error: "Dirty arbiter not running" };

export function showAll(picture: Picture): object {
  const workers = shownWorkers(picture).map(({ pid, aborted: _, ...shown }) => ({ pid, type: "web", ...shown }));
  return {
    arbiter: { pid: picture.pid, type: "arbiter", role: "master" },
    web_workers: workers,
    web_worker_count: workers.length,
    dirty_arbiter: null,
    dirty_workers: [],
    dirty_worker_count: 0,
  };
}

export function showWorkers(picture: Picture): object {
  const workers = shownWorkers(picture);
  return { workers, count: workers.length };
}

export function showDirty(): object {
  return { enabled: false, pid: null, workers: [], apps: [] };
}

export function showConfig({ resolved: { settings } }: Picture): object {
  const values = settingsToJson(settings);
  const shown = Object.fromEntries(SHOWN_SETTINGS.map((name) => [name, values[name]]));
  // Gunicorn shows the class that it runs, and the name that it has when no other was given.
  return { ...shown, worker_class: workerClassName(settings), proc_name: settings.proc_name ?? settings.default_proc_name };
}

export function showStats({ state, chronicle, nowMs, pid }: Picture): object {
  return {
    uptime: seconds(nowMs - chronicle.startedMs),
    pid,
    workers_current: [...state.workers.values()].filter((worker) => worker.pid !== undefined).length,
    workers_target: state.target,
    workers_spawned: chronicle.spawned,
    workers_killed: chronicle.killed,
    reloads: state.readings,
    dirty_arbiter_pid: null,
  };
}

export function showListeners({ state, listenerDescriptors }: Picture): object {
  const listeners = state.listeners.slice(0, state.plan.addresses.length).map((address, index) => ({
    address: addressUrl(address, state.plan.tls && address.kind === "tcp" ? "https" : "http"),
    fd: listenerDescriptors[index] ?? null,
    type: address.kind === "fd" ? "unknown" : address.kind,
  }));
  return { listeners, count: listeners.length };
}
