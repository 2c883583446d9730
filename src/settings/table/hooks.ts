/** Settings `on_starting` to `ssl_context`, and the dirty arbiter's hooks: functions of the config file. */

import type { PythonObject } from "../../base/python-repr.ts";
import { callable } from "../kinds-of-one.ts";
import { type Section, type Setting, setting } from "../setting.ts";

/**
 * A hook that does nothing by default.
 *
 * @param owner  Class that holds Gunicorn's default function; `--print-config` shows it.
 */
function hook(name: string, owner: string, arities: readonly [number, ...number[]], doc: string, section: Section): Setting<PythonObject> {
  return setting({
    section,
    flags: [],
    kind: callable(...arities),
    default: {
      t: "object",
      type: "function",
      text: `<function ${owner}.${name}>`,
      name: `${owner}.${name}`,
      callable: true,
      arity: Math.max(...arities),
    },
    onReload: "apply",
    doc,
  });
}

function serverHook(name: string, owner: string, parameters: string, doc: string): Setting<PythonObject> {
  return hook(name, owner, [parameters.split(",").length], `${doc}\n\nCalled with (${parameters}).`, "Server Hooks");
}

function dirtyHook(name: string, owner: string, parameters: string, doc: string): Setting<PythonObject> {
  return hook(name, owner, [parameters.split(",").length], `${doc}\n\nCalled with (${parameters}).`, "Dirty Arbiter Hooks");
}

export const HOOKS = {
  on_starting: serverHook("on_starting", "OnStarting", "server", "Called just before the master process is initialized."),
  on_reload: serverHook("on_reload", "OnReload", "server", "Called to recycle workers during a reload via SIGHUP."),
  when_ready: serverHook("when_ready", "WhenReady", "server", "Called just after the server is started."),
  pre_fork: serverHook("pre_fork", "Prefork", "server, worker", "Called just before a worker is forked."),
  post_fork: serverHook("post_fork", "Postfork", "server, worker", "Called just after a worker has been forked."),
  post_worker_init: serverHook(
    "post_worker_init",
    "PostWorkerInit",
    "worker",
    "Called just after a worker has initialized the application.",
  ),
  worker_int: serverHook("worker_int", "WorkerInt", "worker", "Called just after a worker exited on SIGINT or SIGQUIT."),
  worker_abort: serverHook("worker_abort", "WorkerAbort", "worker", "Called when a worker received the SIGABRT signal."),
  pre_exec: serverHook("pre_exec", "PreExec", "server", "Called just before a new master process is forked."),
  pre_request: serverHook("pre_request", "PreRequest", "worker, req", "Called just before a worker processes the request."),
  post_request: hook(
    "post_request",
    "PostRequest",
    [2, 3, 4],
    "Called after a worker processes the request.\n\nCalled with (worker, req), (worker, req, environ) or (worker, req, environ, resp).",
    "Server Hooks",
  ),
  child_exit: serverHook("child_exit", "ChildExit", "server, worker", "Called just after a worker has been exited, in the master process."),
  worker_exit: serverHook(
    "worker_exit",
    "WorkerExit",
    "server, worker",
    "Called just after a worker has been exited, in the worker process.",
  ),
  nworkers_changed: serverHook(
    "nworkers_changed",
    "NumWorkersChanged",
    "server, new_value, old_value",
    "Called just after num_workers has been changed.",
  ),
  on_exit: serverHook("on_exit", "OnExit", "server", "Called just before exiting the server."),
  ssl_context: serverHook(
    "ssl_context",
    "NewSSLContext",
    "config, default_ssl_context_factory",
    `Called when SSLContext is needed.

It is called once, at the start and at each reload, and what it returns is read: the gateway's TLS is not Python's.
What of it cannot be honoured stops the start. docs/deploying.md has the list.`,
  ),
} as const;

export const DIRTY_HOOKS = {
  on_dirty_starting: dirtyHook(
    "on_dirty_starting",
    "OnDirtyStarting",
    "arbiter",
    "Called just before the dirty arbiter process is initialized.",
  ),
  dirty_post_fork: dirtyHook("dirty_post_fork", "DirtyPostFork", "arbiter, worker", "Called just after a dirty worker has been forked."),
  dirty_worker_init: dirtyHook(
    "dirty_worker_init",
    "DirtyWorkerInit",
    "worker",
    "Called just after a dirty worker has initialized all applications.",
  ),
  dirty_worker_exit: dirtyHook("dirty_worker_exit", "DirtyWorkerExit", "arbiter, worker", "Called when a dirty worker has exited."),
} as const;
