/** The new master of an upgrade, as a child process of this one. */

import { type InheritedAdmin, successorEnvironment } from "../lifecycle/inheritance.ts";
import type { ExitStatus } from "../lifecycle/messages.ts";
import { relaunch } from "./relaunch.ts";
import type { StartContext } from "./start-context.ts";

export interface SuccessorEnd {
  readonly status: ExitStatus;
  /** It could not be started. */
  readonly cause?: string;
}

/**
 * Starts it on the listening sockets.
 *
 * @param listeners  Their descriptors here; there they are 3, 4, ...
 * @param admin      Those of the admin port, behind them.
 * @param onEnd      Called once, never before this function has returned.
 * @returns          Its pid; undefined when it could not be started.
 */
export function startSuccessor(
  start: StartContext,
  listeners: readonly number[],
  admin: readonly InheritedAdmin[],
  onEnd: (end: SuccessorEnd) => void,
): number | undefined {
  const addresses = admin.map(({ address }) => address);
  const env = successorEnvironment(start.env, process.pid, listeners.length, addresses, start.origin.sockets);
  const child = relaunch(start, { stdio: ["inherit", "inherit", "inherit", ...listeners, ...admin.map(({ fd }) => fd)], env });
  let told = false;
  const tell = (end: SuccessorEnd): void => {
    if (told) return;
    told = true;
    onEnd(end);
  };
  child.on("error", ({ message }) => tell({ status: null, cause: message }));
  child.on("exit", (code, signal) => tell({ status: signal === null ? { code: code ?? 0 } : { signal } }));
  return child.pid;
}
