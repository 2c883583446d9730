/**
 * The end of the server, in the one order that loses nobody who was accepted:
 * the nursery closes its listeners, then we close ours (as long as either holds one the kernel accepts clients that nobody will
 * answer), then the gateways, which finish what they hold; then the workers leave; then the processes.
 */

import { type ArbiterState, type Ending, hasUndrained, isLive, log, type Phase, type Turn, type Worker } from "./state.ts";
import { masterName, sharesSockets } from "./succession.ts";
import { abandon, kill, quit, retire } from "./workers.ts";

/** After INT or QUIT while stopping, as Gunicorn. */
const QUICK_STOP_MS = 2000;
/** After SIGKILL to the workers: how long we wait to hear of their end. */
const FORCED_STOP_MS = 1000;
/** For gateway and nursery to leave. */
const LAST_STEP_MS = 1000;

type Stopping = Extract<Phase, { at: "stopping" }>;

export interface Stop {
  readonly quick: boolean;
  readonly ending: Ending;
}

/** Begins to stop. Does nothing when already stopping. */
export function beginStop(turn: Turn, how: Stop): void {
  const { state, nowMs } = turn;
  if (state.phase.at === "stopping" || state.phase.at === "exited") return;
  const { quick, ending } = how;
  state.phase = { at: "stopping", step: "unlisten", quick, deadlineMs: nowMs + state.plan.gracefulTimeoutMs, forced: false, ending };
  for (const worker of state.workers.values()) {
    // Gunicorn waits `graceful_timeout` after QUIT as well, before it kills.
    if (quick && !isBeingKilled(worker)) quit(turn, worker, state.plan.gracefulTimeoutMs);
  }
  if (state.nursery.at !== "down") turn.out.push({ do: "tell-nursery", message: { cmd: "unlisten" } });
}

/** INT or QUIT while stopping gracefully. */
export function hurryStop(turn: Turn, stopping: Stopping): void {
  if (stopping.quick) return;
  log(turn, "info", "Quick shutdown requested");
  turn.state.phase = { ...stopping, quick: true, deadlineMs: Math.min(stopping.deadlineMs, turn.nowMs + QUICK_STOP_MS) };
  for (const worker of turn.state.workers.values()) {
    if (!isBeingKilled(worker)) quit(turn, worker);
  }
}

/** Takes every step of the stop that can be taken now. Called after every event while stopping. */
export function advanceStop(turn: Turn): void {
  let before: Phase;
  do {
    before = turn.state.phase;
    if (before.at === "stopping") takeStep(turn, before);
  } while (turn.state.phase !== before);
}

function takeStep(turn: Turn, stopping: Stopping): void {
  const { state, nowMs, out } = turn;
  const overdue = nowMs >= stopping.deadlineMs;
  switch (stopping.step) {
    case "unlisten":
      if (state.nursery.at !== "down" && !state.unlistened && !overdue) return;
      out.push({ do: "close-listeners" });
      if (hasGateway(state)) out.push({ do: "tell-gateways", message: { cmd: "drain" } });
      state.phase = { ...stopping, step: "drain" };
      return;
    case "drain":
      // Without workers the gateways would wait for ever for answers to what they hold.
      if (hasUndrained(state) && state.workers.size > 0 && !stopping.quick && !overdue) return;
      if (!stopping.quick) for (const worker of state.workers.values()) if (isAtWork(worker)) retire(turn, worker);
      state.phase = { ...stopping, step: "workers" };
      return;
    case "workers":
      // Nobody is left who could tell us of their end.
      if (state.nursery.at === "down" && !hasGateway(state)) for (const worker of state.workers.values()) abandon(turn, worker);
      if (state.workers.size > 0 && !overdue) return;
      if (state.workers.size > 0 && !stopping.forced) {
        for (const worker of state.workers.values()) kill(turn, worker);
        state.phase = { ...stopping, forced: true, deadlineMs: nowMs + FORCED_STOP_MS };
        return;
      }
      // A nursery that has not done it by now will not: its workers are killed without it.
      for (const worker of state.workers.values()) abandon(turn, worker);
      if (hasGateway(state)) out.push({ do: "tell-gateways", message: { cmd: "quit" } });
      leaveNursery(turn, stopping);
      return;
    case "processes":
      if ((hasGateway(state) || state.nursery.at !== "down") && !overdue) return;
      finish(turn, stopping.ending);
      return;
  }
}

/** The nursery goes, after `on_exit`, which Gunicorn calls behind its last line and gives all the time it takes. */
function leaveNursery(turn: Turn, stopping: Stopping): void {
  const { state, nowMs, out } = turn;
  const hooked = state.nursery.at !== "down" && state.plan.hooks.includes("on_exit");
  const patienceMs = hooked ? Math.max(LAST_STEP_MS, state.plan.gracefulTimeoutMs) : LAST_STEP_MS;
  let { ending } = stopping;
  // A Python logger writes the last line while there still is a Python.
  if (hooked || state.plan.logsInPython) {
    announce(turn, ending);
    ending = { ...ending, silent: true };
  }
  if (hooked) out.push({ do: "tell-nursery", message: { cmd: "hook", hook: "on_exit" } });
  if (state.nursery.at !== "down") out.push({ do: "tell-nursery", message: { cmd: "exit" } });
  state.phase = { ...stopping, step: "processes", deadlineMs: nowMs + patienceMs, ending };
}

/** Ends at once, killing what is left of the two processes; workers follow by their lifeline. */
export function finish(turn: Turn, ending: Ending): void {
  const { state, out } = turn;
  for (const { life } of state.gateways) if ("pid" in life) out.push({ do: "kill-process", pid: life.pid });
  if (state.nursery.at !== "down") out.push({ do: "kill-nursery" });
  announce(turn, ending);
  if (state.succession.successor === "started") out.push({ do: "tell-service-manager", note: "handed-over" });
  out.push({ do: "exit", code: ending.code, keepSockets: sharesSockets(state) });
  state.phase = { at: "exited" };
}

/** Not told to leave yet. One that boots may have been what the gateway waited for. */
function isAtWork(worker: Worker): boolean {
  return worker.state.at === "ready" || worker.state.at === "booting";
}

function announce(turn: Turn, ending: Ending): void {
  if (ending.silent) return;
  const level = ending.code === 0 ? "info" : "error";
  log(turn, level, `Shutting down: ${masterName(turn.state)}`);
  if (ending.reason !== undefined) log(turn, level, `Reason: ${ending.reason}`);
}

function isBeingKilled(worker: Worker): boolean {
  return worker.state.at === "killed" || worker.state.at === "aborted";
}

function hasGateway(state: ArbiterState): boolean {
  return state.gateways.some(isLive);
}
