/** The moments at which something is due, and what is due then. */

import { forgetFailures, STEADY_MS } from "./back-off.ts";
import { GATEWAY_START_MS } from "./gateway.ts";
import { retryAtMs } from "./listening.ts";
import { NURSERY_START_MS } from "./nursery.ts";
import { ageDueMs, retireOfAge } from "./recycle.ts";
import { READING_MS } from "./reload.ts";
import type { ArbiterState, Gateway, Turn, Worker } from "./state.ts";
import { abort, giveUpMold, onSignalledDue } from "./worker-events.ts";
import { isSteady, kill } from "./workers.ts";

/** Does what is due to workers at this moment. Gateway, nursery and stop look at their own deadlines. */
export function applyDeadlines(turn: Turn): void {
  for (const worker of turn.state.workers.values()) applyWorkerDeadlines(turn, worker);
  const { workerBackOff } = turn.state;
  if (workerBackOff.failures > 0 && [...turn.state.workers.values()].some((worker) => isSteady(turn, worker)))
    forgetFailures(workerBackOff);
}

function applyWorkerDeadlines(turn: Turn, worker: Worker): void {
  const { state, nowMs } = turn;
  if (worker.signalledDueMs !== undefined && nowMs >= worker.signalledDueMs) onSignalledDue(turn, worker);
  const dueMs = workerDueMs(state, worker);
  if (dueMs === undefined || nowMs < dueMs) return;
  if (worker.state.at === "ready" && dueMs === ageDueMs(state, worker)) retireOfAge(turn, worker);
  else if (worker.state.at === "ready")
    abort(turn, worker, `unlinked_s=${((nowMs - (unlinkedSinceMs(worker) ?? nowMs)) / 1000).toFixed(1)}`);
  else if (worker.state.at !== "booting") kill(turn, worker);
  else if (worker.bornMs === undefined) giveUpMold(turn, worker);
  else abort(turn, worker, `booting_s=${((nowMs - worker.forkedMs) / 1000).toFixed(1)}`);
}

/** When a worker that boots has to be ready. One that is not born yet waits for its mold. */
function bootDueMs({ plan }: ArbiterState, worker: Worker): number | undefined {
  const sinceMs = worker.bornMs ?? (plan.preload ? worker.forkedMs : undefined);
  return plan.bootTimeoutMs === 0 || sinceMs === undefined ? undefined : sinceMs + plan.bootTimeoutMs;
}

/** Since when the gateway that waits longest for it has. */
function unlinkedSinceMs(worker: Worker): number | undefined {
  return worker.unlinkedSinceMs.size === 0 ? undefined : Math.min(...worker.unlinkedSinceMs.values());
}

/** When a worker that a gateway waits for is taken for hanging. */
function linkDueMs({ plan }: ArbiterState, worker: Worker): number | undefined {
  const sinceMs = unlinkedSinceMs(worker);
  return plan.timeoutMs === 0 || sinceMs === undefined ? undefined : sinceMs + plan.timeoutMs;
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one;
}

/** @returns when this worker has to be acted upon next, or undefined. */
function workerDueMs(state: ArbiterState, worker: Worker): number | undefined {
  switch (worker.state.at) {
    case "booting":
      return bootDueMs(state, worker);
    case "ready":
      return earlier(linkDueMs(state, worker), ageDueMs(state, worker));
    case "killed":
      return worker.state.againAtMs;
    default:
      return worker.state.killAtMs;
  }
}

function gatewayDueMs({ phase, nursery }: ArbiterState, { life, told, drainDueMs, backOff }: Gateway): number[] {
  const due = told === "drain" ? [drainDueMs] : [];
  if (phase.at === "stopping") return due;
  if (life.at === "starting" || life.at === "connected") due.push(life.sinceMs + GATEWAY_START_MS);
  if (life.at === "absent" && nursery.at === "up" && phase.at === "serving") due.push(backOff.notBeforeMs);
  return due;
}

/**
 * @param nowMs  The moment of the last `step`, which has done everything that was due by then.
 * @returns      The next moment at which a `tick` is needed, or undefined when nothing is pending.
 */
export function nextWakeMs(state: ArbiterState, nowMs: number): number | undefined {
  if (state.phase.at === "exited") return undefined;
  const due: number[] = [];
  const { phase, nursery, workerBackOff } = state;
  if (phase.at === "stopping") due.push(phase.deadlineMs);
  if (nursery.at === "up") due.push(retryAtMs(state) ?? Number.POSITIVE_INFINITY);
  if (state.reload.at === "reading") due.push(state.reload.sinceMs + READING_MS);
  if (phase.at !== "stopping") {
    if (state.drainDelay !== undefined) due.push(state.drainDelay.partAtMs, state.drainDelay.untilMs);
    if (nursery.at === "down") due.push(state.nurseryBackOff.notBeforeMs);
    if (nursery.at === "starting") due.push(nursery.sinceMs + NURSERY_START_MS);
    if (state.rest?.drainByMs !== undefined) due.push(state.rest.drainByMs);
  }
  for (const gateway of state.gateways) due.push(...gatewayDueMs(state, gateway));
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
