/** The gateway's life as the mind sees it. */

import { countFailure, describeWait, forgetFailures, STEADY_MS } from "./back-off.ts";
import { describeStatus } from "./exit-report.ts";
import type { ExitStatus } from "./messages.ts";
import { withdrawReload } from "./reload.ts";
import { type ArbiterState, isCurrent, isReady, isStaying, log, type Turn } from "./state.ts";
import { beginStop } from "./stop.ts";
import { awaitsFirstWorker } from "./succession.ts";
import { awaitLink } from "./worker-events.ts";
import { abandon } from "./workers.ts";

/** A gateway that is not up by then is killed and started again. */
export const GATEWAY_START_MS = 20_000;
/** Gateways that fail in a row before one has ever been up, after which the start is given up. */
const UNPROVEN_FAILURES_MAX = 5;

/** The control socket of a new gateway has come. */
export function onGatewayConnected(turn: Turn, pid: number): void {
  const rests = turn.state.target === 0 && turn.state.gateway.at === "absent";
  if (!isNeeded(turn.state) || rests) {
    // It was started before the settings were known, and has been killed; or nobody needs it any more. If it came late, another had been
    // started meanwhile, whose control socket ended when this one came.
    turn.state.gateway = { at: "absent" };
    turn.out.push({ do: "drop-gateway" });
    return;
  }
  turn.state.gateway = { at: "connected", sinceMs: turn.nowMs, pid };
  turn.out.push({ do: "configure-gateway", hold: turn.state.gatewayTold === "hold" });
  // The server began to stop meanwhile: the `drain` had nobody to go to.
  if (turn.state.phase.at === "stopping") turn.out.push({ do: "tell-gateway", message: { cmd: "quit" } });
}

export function onGatewayUp(turn: Turn, pid: number): void {
  if (turn.state.gateway.at !== "connected") return;
  turn.state.gateway = { at: "up", sinceMs: turn.nowMs, pid };
  turn.state.gatewayProven = true;
  for (const worker of turn.state.workers.values()) if (!worker.direct) awaitLink(turn, worker);
  log(turn, "debug", `gateway up pid=${pid}`);
}

/** End of its control socket, or the nursery's report, whichever comes first; the other finds another pid here. */
export function onGatewayGone(turn: Turn, pid: number, status: ExitStatus): void {
  const { gateway } = turn.state;
  if ((gateway.at === "connected" || gateway.at === "up") && gateway.pid === pid)
    gatewayFailed(turn, `pid=${pid} ${describeStatus(status)}`);
}

/** Forgets the gateway of now; another is started when it is time. */
export function gatewayFailed(turn: Turn, detail: string): void {
  const { state, nowMs } = turn;
  const before = state.gateway;
  const told = state.gatewayTold;
  state.gateway = { at: "absent" };
  // One that was started with it may still come.
  if (told !== "hold") state.gatewayTold = "nothing";
  for (const worker of state.workers.values()) {
    if (worker.direct) continue;
    worker.linked = false;
    worker.unlinkedSinceMs = undefined;
  }
  turn.out.push({ do: "drop-gateway" });
  if (state.phase.at === "stopping") {
    // Nobody is left who could tell us of the end of an orphan.
    if (state.nursery.at === "down") for (const worker of state.workers.values()) abandon(turn, worker);
    return;
  }
  if (told === "quit") return;
  state.gatewayRestarts += 1;
  // One that lived well is followed at once; the wait is for those that die young.
  const young = before.at !== "up" || nowMs - before.sinceMs < STEADY_MS;
  if (!young) forgetFailures(state.gatewayBackOff);
  const waitMs = young ? countFailure(state.gatewayBackOff, nowMs, nowMs) : 0;
  log(turn, "error", `gateway died, starting another ${detail} ${describeWait(waitMs)}`);
  if (state.gatewayProven || state.gatewayBackOff.failures < UNPROVEN_FAILURES_MAX) return;
  if (state.provenGeneration !== undefined) {
    // A reload wants the first gateway, for workers that it feeds; those of before accept by themselves.
    if (state.fallback !== undefined) withdrawReload(turn, state.provenGeneration);
  } else {
    beginStop(turn, { quick: false, ending: { code: 1, reason: "Gateway failed to start.", silent: false } });
  }
}

/** Some worker, now or to come, is fed by a gateway. */
function isNeeded({ plan, workers }: ArbiterState): boolean {
  return !plan.direct || [...workers.values()].some((worker) => !worker.direct);
}

/** Starts the gateway when there should be one, and ends it when workers accept by themselves. Called after every event. */
export function superviseGateway(turn: Turn): void {
  const { state, nowMs } = turn;
  const { gateway } = state;
  if ((gateway.at === "starting" || gateway.at === "connected") && nowMs - gateway.sinceMs >= GATEWAY_START_MS) {
    if (gateway.at === "connected") turn.out.push({ do: "kill-process", pid: gateway.pid });
    gatewayFailed(turn, `waited_s=${GATEWAY_START_MS / 1000}`);
  }
  if (state.phase.at !== "serving" || state.nursery.at !== "up") return;
  if (state.plan.direct) dismissGateway(turn);
  else if (isParting(state) && (state.drained || nowMs >= state.drainDueMs)) tellQuit(turn);
  const wanted = !state.plan.direct || [...state.workers.values()].some((worker) => !worker.direct && isStaying(worker));
  if (!wanted || state.target === 0 || awaitsFirstWorker(state)) return;
  if (state.gateway.at !== "absent" || nowMs < state.gatewayBackOff.notBeforeMs) return;
  // Where direct workers serve, nobody is accepted for workers that may never be ready.
  const hold = [...state.workers.values()].some((worker) => worker.direct && isStaying(worker));
  state.gateway = { at: "starting", sinceMs: nowMs };
  state.gatewayTold = hold ? "hold" : "nothing";
  state.drained = false;
  turn.out.push({ do: "start-gateway", hold });
}

/** It takes no more clients: another has to come when one is needed again. */
export function isParting({ gatewayTold }: ArbiterState): boolean {
  return gatewayTold === "drain" || gatewayTold === "quit";
}

function tellQuit(turn: Turn): void {
  if (turn.state.gatewayTold !== "quit") turn.out.push({ do: "tell-gateway", message: { cmd: "quit" } });
  turn.state.gatewayTold = "quit";
}

/** Direct workers take over: the gateway finishes what it holds while the last of its workers stay, then it goes. */
function dismissGateway(turn: Turn): void {
  const { state, nowMs } = turn;
  if (state.gateway.at !== "connected" && state.gateway.at !== "up") return;
  if (!isNeeded(state)) {
    tellQuit(turn);
    return;
  }
  const ready = [...state.workers.values()].filter((worker) => worker.direct && isCurrent(state, worker) && isReady(worker));
  if ((state.gatewayTold === "nothing" || state.gatewayTold === "hold") && ready.length >= state.target) {
    turn.out.push({ do: "tell-gateway", message: { cmd: "drain" } });
    state.gatewayTold = "drain";
    state.drainDueMs = nowMs + state.plan.gracefulTimeoutMs;
  }
  if (state.gatewayTold === "drain" && nowMs >= state.drainDueMs) state.drained = true;
}

/** The gateway has its first worker: it gets the listeners that were held back. */
export function endHold(turn: Turn): void {
  if (turn.state.gatewayTold !== "hold") return;
  turn.state.gatewayTold = "nothing";
  turn.out.push({ do: "tell-nursery", message: { cmd: "listen-again" } });
}
