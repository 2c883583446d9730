/** `daemon`: the server goes on in the background, in a session of its own, and the command ends. */

import { spawn } from "node:child_process";
import { isatty } from "node:tty";
import type { Settings } from "../settings/index.ts";

/** Says to the second start of the program that it is the one in the background. Taken away again: applications do not see it. */
const VARIABLE = "TUNICORN_DAEMON";
/** Gunicorn's: files that the server makes are not writable for others. */
const UMASK = 0o022;
const STDOUT = 1;
const STDERR = 2;

/** Whether this process was started by `startDaemon`; it has its umask then. */
export function becomesDaemon(env: NodeJS.ProcessEnv): boolean {
  const daemonized = env[VARIABLE] !== undefined;
  delete env[VARIABLE];
  if (daemonized) process.umask(UMASK);
  return daemonized;
}

/**
 * Starts the program once more, detached from the terminal: Node cannot fork.
 *
 * @param words      The command line.
 * @param directory  Where the program was started: the command line's paths are relative to it.
 */
export function startDaemon(settings: Settings, words: readonly string[], directory: string): void {
  // The standard streams only where they lead to files or pipes: a terminal must be free to go.
  const keep = (fd: number) => (settings.enable_stdio_inheritance && !isatty(fd) ? fd : "ignore");
  const [, program = ""] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, program, ...words], {
    detached: true,
    stdio: ["ignore", keep(STDOUT), keep(STDERR)],
    cwd: directory,
    env: { ...process.env, [VARIABLE]: "yes" },
  });
  child.unref();
}
