/** The gateways' lives as the mind sees them. */

import { countFailure, describeWait, forgetFailures, STEADY_MS } from "./back-off.ts";
import { describeStatus } from "./exit-report.ts";
import { beginLinks, endLinks } from "./links.ts";
import type { ExitStatus } from "./messages.ts";
import { withdrawReload } from "./reload.ts";
import { type ArbiterState, type Gateway, isCurrent, isLive, isReady, isStaying, log, type Turn } from "./state.ts";
import { beginStop } from "./stop.ts";
import { awaitsFirstWorker } from "./succession.ts";
import { abandon } from "./workers.ts";

/** A gateway that is not up by then is killed and started again. */
export const GATEWAY_START_MS = 20_000;
/** Gateways that fail in a row before one has ever been up, after which the start is given up. */
const UNPROVEN_FAILURES_MAX = 5;

/** The control socket of a new gateway has come. */
export function onGatewayConnected(turn: Turn, index: number, pid: number): void {
  const gateway = turn.state.gateways[index];
  if (gateway === undefined) return;
  const rests = turn.state.target === 0 && gateway.life.at === "absent";
  if (!isNeeded(turn.state) || rests) {
    // It was started before the settings were known, and has been killed; or nobody needs it any more. If it came late, another had been
    // started meanwhile, whose control socket ended when this one came.
    gateway.life = { at: "absent" };
    turn.out.push({ do: "drop-gateway", gateway: index });
    return;
  }
  gateway.life = { at: "connected", sinceMs: turn.nowMs, pid };
  turn.out.push({ do: "configure-gateway", gateway: index, hold: gateway.told === "hold" });
  // The server began to stop meanwhile: the `drain` had nobody to go to.
  if (turn.state.phase.at === "stopping") tell(turn, gateway, "quit");
}

function tell(turn: Turn, { index }: Gateway, cmd: "drain" | "quit"): void {
  turn.out.push({ do: "tell-gateway", gateway: index, message: { cmd } });
}

/** It gets its listeners, all of them. */
export function listenAgain(turn: Turn, { index }: Gateway): void {
  turn.out.push({ do: "tell-nursery", message: { cmd: "listen-again", gateway: index } });
}

export function onGatewayUp(turn: Turn, gateway: Gateway, pid: number): void {
  if (gateway.life.at !== "connected") return;
  gateway.life = { at: "up", sinceMs: turn.nowMs, pid };
  turn.state.gatewayProven = true;
  beginLinks(turn, gateway);
  log(turn, "debug", `gateway up pid=${pid}`);
}

/** End of its control socket, or the nursery's report, whichever comes first; the other finds another pid here. */
export function onGatewayGone(turn: Turn, pid: number, status: ExitStatus): void {
  const gateway = turn.state.gateways.find(({ life }) => "pid" in life && life.pid === pid);
  if (gateway !== undefined) gatewayFailed(turn, gateway, `pid=${pid} ${describeStatus(status)}`);
}

/** Forgets a gateway; another takes its place when it is time. */
export function gatewayFailed(turn: Turn, gateway: Gateway, detail: string): void {
  const { state, nowMs } = turn;
  const { life: before, told } = gateway;
  gateway.life = { at: "absent" };
  // One that was started with it may still come.
  if (told !== "hold") gateway.told = "nothing";
  endLinks(turn, gateway);
  turn.out.push({ do: "drop-gateway", gateway: gateway.index });
  if (state.phase.at === "stopping") {
    // Nobody is left who could tell us of the end of an orphan.
    if (state.nursery.at === "down" && !state.gateways.some(isLive)) for (const worker of state.workers.values()) abandon(turn, worker);
    return;
  }
  if (told === "quit") return;
  state.gatewayRestarts += 1;
  // One that lived well is followed at once; the wait is for those that die young.
  const young = before.at !== "up" || nowMs - before.sinceMs < STEADY_MS;
  if (!young) forgetFailures(gateway.backOff);
  const waitMs = young ? countFailure(gateway.backOff, nowMs, nowMs) : 0;
  log(turn, "error", `gateway died, starting another ${detail} ${describeWait(waitMs)}`);
  if (state.gatewayProven || gateway.backOff.failures < UNPROVEN_FAILURES_MAX) return;
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

/** Starts gateways when they should be there, and ends them when workers accept by themselves. Called after every event. */
export function superviseGateways(turn: Turn): void {
  for (const gateway of turn.state.gateways) superviseGateway(turn, gateway);
}

function superviseGateway(turn: Turn, gateway: Gateway): void {
  const { state, nowMs } = turn;
  const { life } = gateway;
  if ((life.at === "starting" || life.at === "connected") && nowMs - life.sinceMs >= GATEWAY_START_MS) {
    if (life.at === "connected") turn.out.push({ do: "kill-process", pid: life.pid });
    gatewayFailed(turn, gateway, `waited_s=${GATEWAY_START_MS / 1000}`);
  }
  if (state.phase.at !== "serving" || state.nursery.at !== "up") return;
  if (state.plan.direct) dismissGateway(turn, gateway);
  else if (isParting(gateway) && (gateway.drained || nowMs >= gateway.drainDueMs)) tellQuit(turn, gateway);
  const wanted = !state.plan.direct || [...state.workers.values()].some((worker) => !worker.direct && isStaying(worker));
  // On the way to a rest the others finish; whether any is wanted after it is seen then.
  const rests = state.rest?.drainByMs !== undefined || state.target === 0;
  if (!wanted || rests || awaitsFirstWorker(state)) return;
  if (gateway.life.at !== "absent" || nowMs < gateway.backOff.notBeforeMs) return;
  // Where direct workers serve, nobody is accepted for workers that may never be ready.
  const hold = [...state.workers.values()].some((worker) => worker.direct && isStaying(worker));
  gateway.life = { at: "starting", sinceMs: nowMs };
  gateway.told = hold ? "hold" : "nothing";
  gateway.drained = false;
  turn.out.push({ do: "start-gateway", gateway: gateway.index, hold });
}

/** It takes no more clients: another has to come when one is needed again. */
export function isParting({ told }: Gateway): boolean {
  return told === "drain" || told === "quit";
}

function tellQuit(turn: Turn, gateway: Gateway): void {
  if (gateway.told !== "quit") tell(turn, gateway, "quit");
  gateway.told = "quit";
}

/** Direct workers take over: the gateway finishes what it holds while the last of its workers stay, then it goes. */
function dismissGateway(turn: Turn, gateway: Gateway): void {
  const { state, nowMs } = turn;
  if (!isLive(gateway)) return;
  if (!isNeeded(state)) {
    tellQuit(turn, gateway);
    return;
  }
  const ready = [...state.workers.values()].filter((worker) => worker.direct && isCurrent(state, worker) && isReady(worker));
  if (!isParting(gateway) && ready.length >= state.target) {
    tell(turn, gateway, "drain");
    gateway.told = "drain";
    gateway.drainDueMs = nowMs + state.plan.gracefulTimeoutMs;
  }
  if (gateway.told === "drain" && nowMs >= gateway.drainDueMs) gateway.drained = true;
}

/** The gateway has its first worker: it gets the listeners that were held back. */
export function endHold(turn: Turn, gateway: Gateway): void {
  if (gateway.told !== "hold") return;
  gateway.told = "nothing";
  listenAgain(turn, gateway);
}
