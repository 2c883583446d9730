/** `daemon`: the server goes on in the background, in a session of its own, and the command ends. */

import { isatty } from "node:tty";
import type { Settings } from "../settings/index.ts";
import { relaunch } from "./relaunch.ts";
import { DAEMON_VARIABLE, type StartContext } from "./start-context.ts";

/** Gunicorn's: files that the server makes are not writable for others. */
const UMASK = 0o022;
const STDOUT = 1;
const STDERR = 2;

/** Whether this process was started by `startDaemon`; it has its umask then. */
export function becomesDaemon(env: NodeJS.ProcessEnv): boolean {
  const daemonized = env[DAEMON_VARIABLE] !== undefined;
  delete env[DAEMON_VARIABLE];
  if (daemonized) process.umask(UMASK);
  return daemonized;
}

/** Starts the program once more, detached from the terminal: Node cannot fork. */
export function startDaemon(settings: Settings, start: StartContext): void {
  // The standard streams only where they lead to files or pipes: a terminal must be free to go.
  const keep = (fd: number) => (settings.enable_stdio_inheritance && !isatty(fd) ? fd : "ignore");
  const stdio = ["ignore", keep(STDOUT), keep(STDERR)] as const;
  const child = relaunch(start, { stdio: [...stdio], env: { ...start.env, [DAEMON_VARIABLE]: "yes" }, detached: true });
  child.unref();
}
