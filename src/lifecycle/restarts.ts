/** Why workers were replaced, counted: the first cause that is known is the one that counts. */

import { endCause } from "./end-cause.ts";
import type { ExitStatus } from "./messages.ts";
import type { ArbiterState, Worker } from "./state.ts";

export const RESTART_REASONS = [
  /** A reload, or a newer one that took the place of a reload that failed. */
  "reload",
  "max-requests",
  "max-age",
  "memory",
  /** Silent for longer than `timeout`, or it did not boot in time. */
  "timeout",
  "request-timeout",
  /** Somebody has sent it a signal that asks it to leave. */
  "signalled",
  /** It did not become ready. */
  "boot",
  "crashed",
  "out-of-memory",
  "killed",
  /** Its nursery was lost. */
  "nursery",
  /** It left by itself. */
  "exited",
] as const;

export type RestartReason = (typeof RESTART_REASONS)[number];

/** What the mind knows of a worker before it ends. `surplus`: fewer are wanted, nobody takes its place. */
export type LeavingReason = RestartReason | "surplus";

/** Notes why a worker is going to be replaced, unless that is known already. */
export function noteReason(worker: Worker, reason: LeavingReason): void {
  worker.leaving ??= reason;
}

/** A worker has ended. The server's own end replaces nobody. @param outOfMemory  See `endCause`. */
export function countRestart(state: ArbiterState, worker: Worker, status: ExitStatus, outOfMemory?: boolean): void {
  if (state.phase.at === "stopping" || state.phase.at === "exited") return;
  const reason = worker.leaving ?? reasonOf(state, worker, status, outOfMemory);
  if (reason !== "surplus") state.restarts[reason] += 1;
}

function reasonOf(state: ArbiterState, worker: Worker, status: ExitStatus, outOfMemory: boolean | undefined): RestartReason {
  if (worker.orphan) return "nursery";
  const { at } = worker.state;
  if (at === "booting" || ("booting" in worker.state && worker.state.booting)) return "boot";
  if (worker.generation !== state.generation) return "reload";
  switch (endCause(status, false, outOfMemory)) {
    case "cause=crashed":
      return "crashed";
    case "cause=out-of-memory":
      return "out-of-memory";
    case "cause=signalled-from-outside":
      return "signalled";
    case undefined:
      return "exited";
    default:
      return "killed";
  }
}

/** How often each happened: never, at first. */
export function noRestarts(): Record<RestartReason, number> {
  return Object.fromEntries(RESTART_REASONS.map((reason) => [reason, 0])) as Record<RestartReason, number>;
}
