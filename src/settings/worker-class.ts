/** What the setting worker_class means, together with threads. */

import type { Settings } from "./table.ts";

/** Classes of workers that Tunicorn has. The Python half has one implementation of each (worker_code.py). */
export type WorkerKind = "sync" | "gthread";

/** All names of each: Gunicorn's aliases, classes and entry points. */
const KINDS: Readonly<Record<string, WorkerKind>> = {
  sync: "sync",
  "egg:gunicorn#sync": "sync",
  "gunicorn.workers.sync.SyncWorker": "sync",
  gthread: "gthread",
  "egg:gunicorn#gthread": "gthread",
  "gunicorn.workers.gthread.ThreadWorker": "gthread",
};

/**
 * The class's name as the log shows it: `"gthread"` for `sync` with several threads, else as it was written.
 *
 * @see gunicorn.config.Config.worker_class_str. Only `sync` itself and names that end in SyncWorker turn.
 */
export function workerClassName({ worker_class: name, threads }: Settings): string | undefined {
  if (typeof name !== "string") return undefined;
  return threads > 1 && (name === "sync" || name.endsWith("SyncWorker")) ? "gthread" : name;
}

/** @returns undefined for a class that Tunicorn does not have. */
export function workerKind(settings: Settings): WorkerKind | undefined {
  const name = workerClassName(settings);
  return name !== undefined && Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
}
