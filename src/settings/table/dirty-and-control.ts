/** Settings `dirty_apps` to `dirty_graceful_timeout`, and those of the control socket. */

import { bool, count, mode, string, stringList } from "../kinds.ts";
import { joinPath } from "../posix-path.ts";
import { setting } from "../setting.ts";
import type { Surroundings } from "../surroundings.ts";

/** Where Gunicorn's users look for the control socket: the session's directory if there is one, else the home directory. */
function controlSocketPath({ env, home, isDirectory }: Surroundings): string {
  const { XDG_RUNTIME_DIR: runtime } = env;
  if (runtime !== undefined && runtime !== "" && isDirectory(runtime)) return joinPath(runtime, "tunicorn.ctl");
  // Like os.path.expanduser: a trailing slash of HOME goes.
  return joinPath(joinPath((env.HOME ?? home).replace(/\/+$/, "") || "/", ".gunicorn"), "tunicorn.ctl");
}

export const DIRTY = {
  dirty_apps: setting({
    section: "Dirty Arbiters",
    flags: ["--dirty-app"],
    action: "append",
    metavar: "STRING",
    kind: stringList,
    default: [],
    onReload: "restart",
    doc: `Dirty applications to load in the dirty worker pool.

MODULE:CLASS, or MODULE:CLASS:N for N workers of the pool only.`,
  }),
  dirty_workers: setting({
    section: "Dirty Arbiters",
    flags: ["--dirty-workers"],
    metavar: "INT",
    kind: count,
    default: 0,
    onReload: "restart",
    doc: `The number of dirty worker processes.

0 means no pool.`,
  }),
  dirty_timeout: setting({
    section: "Dirty Arbiters",
    flags: ["--dirty-timeout"],
    metavar: "INT",
    kind: count,
    default: 300,
    onReload: "restart",
    doc: `Timeout for dirty task execution in seconds.

0 turns the check off.`,
  }),
  dirty_threads: setting({
    section: "Dirty Arbiters",
    flags: ["--dirty-threads"],
    metavar: "INT",
    kind: count,
    default: 1,
    onReload: "restart",
    doc: `The number of threads per dirty worker.`,
  }),
  dirty_graceful_timeout: setting({
    section: "Dirty Arbiters",
    flags: ["--dirty-graceful-timeout"],
    metavar: "INT",
    kind: count,
    default: 30,
    onReload: "restart",
    doc: `Timeout for graceful dirty worker shutdown in seconds.`,
  }),
} as const;

export const CONTROL = {
  control_socket: setting({
    section: "Control",
    flags: ["--control-socket"],
    metavar: "PATH",
    kind: string,
    default: "tunicorn.ctl",
    surroundingDefault: (surroundings) => ({ value: controlSocketPath(surroundings) }),
    onReload: "apply",
    doc: `Unix socket path for control interface.

By default in $XDG_RUNTIME_DIR where that is a directory, else in $HOME/.gunicorn.`,
  }),
  control_socket_mode: setting({
    section: "Control",
    flags: ["--control-socket-mode"],
    metavar: "INT",
    kind: mode,
    default: 0o600,
    onReload: "apply",
    doc: `Permission mode for control socket.`,
  }),
  control_socket_disable: setting({
    section: "Control",
    flags: ["--no-control-socket"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Disable control socket.`,
  }),
} as const;
