/** What the setting worker_class means, together with threads. */

import type { Settings } from "./table.ts";

/**
 * Kinds of workers that Tunicorn has. The Python half has one implementation of each (worker_code.py).
 * `direct`: any class that accepts clients by itself; Python finds it (worker_class_loader.py).
 */
export type WorkerKind = "sync" | "gthread" | "asgi" | "gevent" | "eventlet" | "direct";

/** How requests reach a worker: it pulls them, they are pushed to it, or it accepts the clients by itself. */
export type Delivery = "pull" | "push" | "direct";

const DELIVERIES: Readonly<Record<WorkerKind, Delivery>> = {
  sync: "pull",
  gthread: "pull",
  asgi: "push",
  gevent: "push",
  eventlet: "push",
  direct: "direct",
};

/** What stands for every class of uvicorn's once it has been found to be one (uvicorn-class.ts). */
export const UVICORN_CLASS = "uvicorn.workers.UvicornWorker";

/** All names of each kind that the gateway feeds: Gunicorn's aliases, classes and entry points, and uvicorn's classes. */
const FED: Readonly<Record<string, WorkerKind>> = {
  sync: "sync",
  "egg:gunicorn#sync": "sync",
  "gunicorn.workers.sync.SyncWorker": "sync",
  gthread: "gthread",
  "egg:gunicorn#gthread": "gthread",
  "gunicorn.workers.gthread.ThreadWorker": "gthread",
  asgi: "asgi",
  "egg:gunicorn#asgi": "asgi",
  "gunicorn.workers.gasgi.ASGIWorker": "asgi",
  [UVICORN_CLASS]: "asgi",
  "uvicorn.workers.UvicornH11Worker": "asgi",
  "uvicorn_worker.UvicornWorker": "asgi",
  "uvicorn_worker.UvicornH11Worker": "asgi",
  gevent: "gevent",
  gevent_wsgi: "gevent",
  gevent_pywsgi: "gevent",
  "egg:gunicorn#gevent": "gevent",
  "egg:gunicorn#gevent_wsgi": "gevent",
  "egg:gunicorn#gevent_pywsgi": "gevent",
  "gunicorn.workers.ggevent.GeventWorker": "gevent",
  "gunicorn.workers.ggevent.GeventPyWSGIWorker": "gevent",
  // Gunicorn had it until 26.
  eventlet: "eventlet",
  "egg:gunicorn#eventlet": "eventlet",
  "gunicorn.workers.geventlet.EventletWorker": "eventlet",
};

/** Kinds that need a package of the application's environment: it is looked for before anything is started. */
const NEED_A_PACKAGE: ReadonlySet<WorkerKind> = new Set(["gevent", "eventlet", "direct"]);

/**
 * The class's name as the log shows it: `"gthread"` for `sync` with several threads, else as it was written; a class object by its name.
 *
 * @see gunicorn.config.Config.worker_class_str. Only `sync` itself and names that end in SyncWorker turn; no class object does.
 */
export function workerClassName({ worker_class: value, threads }: Settings): string {
  if (value === null) return "None";
  if (typeof value !== "string") return value.name.split(".").at(-1) ?? value.name;
  return threads > 1 && (value === "sync" || value.endsWith("SyncWorker")) ? "gthread" : value;
}

/** @returns undefined for a class that Tunicorn does not have. */
export function workerKind(settings: Settings): WorkerKind | undefined {
  const { worker_class: value } = settings;
  if (value === null) return undefined;
  if (typeof value !== "string") return "direct";
  const name = workerClassName(settings);
  return (Object.hasOwn(FED, name) ? FED[name] : undefined) ?? "direct";
}

/** @returns undefined for a class that Tunicorn does not have. */
export function delivery(settings: Settings): Delivery | undefined {
  const kind = workerKind(settings);
  return kind === undefined ? undefined : DELIVERIES[kind];
}

/** The class may not be there. */
export function needsCheck(settings: Settings): boolean {
  const kind = workerKind(settings);
  return kind !== undefined && NEED_A_PACKAGE.has(kind);
}

/** No gateway is needed: workers accept the clients. */
export function isDirect(settings: Settings): boolean {
  return delivery(settings) === "direct";
}
