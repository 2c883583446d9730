/** Why a worker has ended, as far as that can be known: a line of ours beside Gunicorn's, which can only guess. */

import type { ExitStatus } from "./messages.ts";

/** What the kernel sends for a fault in native code, and what native code sends itself when it finds one (`abort()`). */
const CRASHES: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"]);

/**
 * @param ordered      The arbiter had it killed, and has said why.
 * @param outOfMemory  Whether the kernel's count of processes that it killed for lack of memory has grown; undefined where there is none.
 * @returns            `"cause=out-of-memory"`; undefined for an exit code, for what was ordered, and for a status that nobody could collect.
 */
export function endCause(status: ExitStatus, ordered: boolean, outOfMemory: boolean | undefined): string | undefined {
  if (ordered || status === null || "code" in status) return undefined;
  if (CRASHES.has(status.signal)) return "cause=crashed";
  if (status.signal !== "SIGKILL") return "cause=signalled-from-outside";
  if (outOfMemory === undefined) return "cause=out-of-memory-or-killed-from-outside";
  return outOfMemory ? "cause=out-of-memory" : "cause=killed-from-outside";
}
