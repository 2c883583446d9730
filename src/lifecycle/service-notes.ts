/** What a service manager is told (sd_notify(3)), as the state of the server changes. */

import type { ArbiterState, Turn } from "./state.ts";

/** `handed-over`: another process is the service's main one from now on. */
export type ServiceNote = "booted" | "reloading" | "reloaded" | "withdrawn" | "draining" | "stopping" | "handed-over" | "alive";

/** What the service manager believes. */
export type ServiceState = "silent" | "ready" | "reloading" | "draining" | "stopping";

/** What a text may need of the moment. */
export interface NoteFacts {
  /** CLOCK_MONOTONIC, in microseconds. */
  readonly monotonicUs: bigint;
  /** The new master's, for `handed-over`. */
  readonly successorPid: number | undefined;
}

/** @returns the datagram, e.g. `"READY=1\nSTATUS=Gunicorn arbiter booted"`, which is Gunicorn's. */
export function noteText(note: ServiceNote, { monotonicUs, successorPid }: NoteFacts): string {
  switch (note) {
    case "booted":
      return "READY=1\nSTATUS=Gunicorn arbiter booted";
    case "reloading":
      return `RELOADING=1\nMONOTONIC_USEC=${monotonicUs}\nSTATUS=Reloading`;
    case "reloaded":
      return "READY=1\nSTATUS=Reloaded";
    case "withdrawn":
      return "READY=1\nSTATUS=Reload withdrawn, the old workers keep serving";
    case "draining":
      return "STOPPING=1\nSTATUS=Draining: not ready, still serving";
    case "stopping":
      return "STOPPING=1\nSTATUS=Stopping";
    case "handed-over":
      return `MAINPID=${successorPid}`;
    case "alive":
      return "WATCHDOG=1";
  }
}

/** Tells what has changed. Called after every event. */
export function noteService(turn: Turn): void {
  const { state } = turn;
  const before = state.serviceState;
  const now = serviceState(state);
  if (now !== before) turn.out.push({ do: "tell-service-manager", note: noteOf(state, before, now) });
  state.serviceState = now;
  if (now !== "reloading") state.settledGeneration = state.generation;
}

function noteOf(state: ArbiterState, before: ServiceState, now: ServiceState): ServiceNote {
  if (now === "stopping" || now === "draining") return now;
  if (now === "reloading") return "reloading";
  if (before !== "reloading") return "booted";
  // Settings that cannot be used begin no generation; one that does not boot is given up for the one before.
  return state.generation === state.lastGeneration && state.generation !== state.settledGeneration ? "reloaded" : "withdrawn";
}

function serviceState(state: ArbiterState): ServiceState {
  const { phase, succession, serviceState: before } = state;
  // Nothing follows the exit. And while the service's main process is still the other one, what we said would be refused, or taken for its word.
  if (phase.at === "exited" || succession.predecessor !== undefined) return before;
  // The service does not stop when only this master leaves it.
  if (phase.at === "stopping") return succession.successor === "started" ? before : "stopping";
  if (state.drainDelay !== undefined) return "draining";
  // Not at the bind, as Gunicorn: a service whose application cannot be imported has not started.
  if (state.provenGeneration === undefined) return before;
  return state.reloading || state.reload.at !== "none" ? "reloading" : "ready";
}

/**
 * @param env  WATCHDOG_USEC, WATCHDOG_PID.
 * @returns    How often `alive` is due, in milliseconds: half the time after which the service manager would end us
 *             (sd_watchdog_enabled(3)); undefined when it does not watch this process.
 */
export function watchdogPeriodMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  if (env.WATCHDOG_PID !== undefined && env.WATCHDOG_PID !== String(pid)) return undefined;
  const periodUs = /^\d+$/.test(env.WATCHDOG_USEC ?? "") ? Number(env.WATCHDOG_USEC) : 0;
  if (periodUs === 0) return undefined;
  return Math.min(Math.max(1, Math.floor(periodUs / 2 / 1000)), LONGEST_TIMER_MS);
}

/** Node's timers hold 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
