/** Starts the master's command once more, as the user had started it: in the background, or as the successor of this one. */

import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { OWN_PID } from "../lifecycle/inheritance.ts";
import type { StartContext } from "./start-context.ts";

/** A shell gives back the limit that Node has raised, and knows its pid, which stays the same through the exec. */
const PRELUDE = `
if [ -n "$0" ]; then ulimit -Sn "$0"; fi
if [ "\${LISTEN_PID-}" = ${OWN_PID} ]; then LISTEN_PID=$$; fi
if [ "\${WATCHDOG_PID-}" = ${OWN_PID} ]; then WATCHDOG_PID=$$; fi
exec "$@"`;

export interface Relaunch {
  readonly stdio: StdioOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly detached?: boolean;
}

/** The command is found as it is found now: links that the user's names go through may lead to another release. */
export function relaunch(start: StartContext, { stdio, env, detached = false }: Relaunch): ChildProcess {
  return spawn("/bin/sh", ["-c", PRELUDE, start.openFiles ?? "", ...start.command, ...start.words], {
    cwd: start.directory,
    stdio,
    env,
    detached,
  });
}
