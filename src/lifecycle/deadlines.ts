/** The moments at which something is due, and what is due then. */

import { forgetFailures, STEADY_MS } from "./back-off.ts";
import { GATEWAY_START_MS } from "./gateway.ts";
import { NURSERY_START_MS } from "./nursery.ts";
import type { ArbiterState, Turn, Worker } from "./state.ts";
import { abort, onSignalledDue } from "./worker-events.ts";
import { isSteady, KILL_AGAIN_MS, kill } from "./workers.ts";

/** Does what is due to workers at this moment. Gateway, nursery and stop look at their own deadlines. */
export function applyDeadlines(turn: Turn): void {
  for (const worker of turn.state.workers.values()) applyWorkerDeadlines(turn, worker);
  const { workerBackOff } = turn.state;
  if (workerBackOff.failures > 0 && [...turn.state.workers.values()].some((worker) => isSteady(turn, worker)))
    forgetFailures(workerBackOff);
}

function applyWorkerDeadlines(turn: Turn, worker: Worker): void {
  const { state, nowMs } = turn;
  if (worker.signalledDueMs !== undefined && nowMs >= worker.signalledDueMs) onSignalledDue(turn, worker, "TERM");
  const dueMs = workerDueMs(state, worker);
  if (dueMs === undefined || nowMs < dueMs) return;
  if (worker.state.at === "booting") abort(turn, worker, `booting_s=${((nowMs - worker.forkedMs) / 1000).toFixed(1)}`);
  // Without a nursery nobody can kill: try again when there may be one.
  else if (state.nursery.at === "up" || state.phase.at === "stopping") kill(turn, worker);
  else postpone(worker, nowMs + KILL_AGAIN_MS);
}

function postpone(worker: Worker, untilMs: number): void {
  const { state } = worker;
  if (state.at === "killed") worker.state = { ...state, againAtMs: untilMs };
  else if (state.at !== "booting" && state.at !== "ready") worker.state = { ...state, killAtMs: untilMs };
}

/** @returns when this worker has to be acted upon next, or undefined. */
function workerDueMs(state: ArbiterState, worker: Worker): number | undefined {
  switch (worker.state.at) {
    case "booting":
      return state.plan.timeoutMs > 0 && worker.bornMs !== undefined ? worker.bornMs + state.plan.timeoutMs : undefined;
    case "ready":
      return undefined;
    case "killed":
      return worker.state.againAtMs;
    default:
      return worker.state.killAtMs;
  }
}

/**
 * @param nowMs  The moment of the last `step`, which has done everything that was due by then.
 * @returns      The next moment at which a `tick` is needed, or undefined when nothing is pending.
 */
export function nextWakeMs(state: ArbiterState, nowMs: number): number | undefined {
  if (state.phase.at === "exited") return undefined;
  const due: number[] = [];
  const { phase, nursery, gateway, workerBackOff } = state;
  if (phase.at === "stopping") due.push(phase.deadlineMs);
  if (phase.at === "binding" && phase.retryAtMs !== undefined && nursery.at === "up") due.push(phase.retryAtMs);
  if (phase.at !== "stopping") {
    if (nursery.at === "down") due.push(state.nurseryBackOff.notBeforeMs);
    if (nursery.at === "starting") due.push(nursery.sinceMs + NURSERY_START_MS);
    if (gateway.at === "starting" || gateway.at === "connected") due.push(gateway.sinceMs + GATEWAY_START_MS);
    if (gateway.at === "absent" && nursery.at === "up" && phase.at === "serving") due.push(state.gatewayBackOff.notBeforeMs);
  }
  if (workerBackOff.failures > 0) {
    due.push(workerBackOff.notBeforeMs);
    for (const { state: at, forkedMs } of state.workers.values()) {
      if (at.at === "ready" && forkedMs >= workerBackOff.lastFailureMs) due.push(at.sinceMs + STEADY_MS);
    }
  }
  for (const worker of state.workers.values()) {
    const dueMs = workerDueMs(state, worker);
    if (dueMs !== undefined) due.push(dueMs);
    if (worker.signalledDueMs !== undefined) due.push(worker.signalledDueMs);
  }
  const next = Math.min(...due.filter((dueMs) => dueMs > nowMs));
  return Number.isFinite(next) ? next : undefined;
}
