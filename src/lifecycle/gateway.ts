/** The gateway's life as the mind sees it. */

import { countFailure, describeWait, forgetFailures, STEADY_MS } from "./back-off.ts";
import { describeStatus } from "./exit-report.ts";
import type { ExitStatus } from "./messages.ts";
import { log, type Turn } from "./state.ts";
import { beginStop } from "./stop.ts";
import { awaitLink } from "./worker-events.ts";
import { abandon } from "./workers.ts";

/** A gateway that is not up by then is killed and started again. */
export const GATEWAY_START_MS = 20_000;
/** Gateways that fail in a row before one has ever been up, after which the start is given up. */
const UNPROVEN_FAILURES_MAX = 5;

/** The control socket of a new gateway has come. */
export function onGatewayConnected(turn: Turn, pid: number): void {
  if (turn.state.plan.direct) {
    // It was started before the settings were known, and has been killed.
    turn.out.push({ do: "drop-gateway" });
    return;
  }
  turn.state.gateway = { at: "connected", sinceMs: turn.nowMs, pid };
  turn.out.push({ do: "configure-gateway" });
  // The server began to stop meanwhile: the `drain` had nobody to go to.
  if (turn.state.phase.at === "stopping") turn.out.push({ do: "tell-gateway", message: { cmd: "quit" } });
}

export function onGatewayUp(turn: Turn, pid: number): void {
  if (turn.state.gateway.at !== "connected") return;
  turn.state.gateway = { at: "up", sinceMs: turn.nowMs, pid };
  turn.state.gatewayProven = true;
  for (const worker of turn.state.workers.values()) awaitLink(turn, worker);
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
  state.gateway = { at: "absent" };
  for (const worker of state.workers.values()) {
    worker.linked = false;
    worker.unlinkedSinceMs = undefined;
  }
  turn.out.push({ do: "drop-gateway" });
  if (state.phase.at === "stopping") {
    // Nobody is left who could tell us of the end of an orphan.
    if (state.nursery.at === "down") for (const worker of state.workers.values()) abandon(turn, worker);
    return;
  }
  // One that lived well is followed at once; the wait is for those that die young.
  const young = before.at !== "up" || nowMs - before.sinceMs < STEADY_MS;
  if (!young) forgetFailures(state.gatewayBackOff);
  const waitMs = young ? countFailure(state.gatewayBackOff, nowMs, nowMs) : 0;
  log(turn, "error", `gateway died, starting another ${detail} ${describeWait(waitMs)}`);
  if (!state.gatewayProven && state.gatewayBackOff.failures >= UNPROVEN_FAILURES_MAX) {
    beginStop(turn, { quick: false, ending: { code: 1, reason: "Gateway failed to start.", silent: false } });
  }
}

/** Starts the gateway when there should be one. Called after every event. */
export function superviseGateway(turn: Turn): void {
  const { state, nowMs } = turn;
  if (state.plan.direct) return;
  const { gateway } = state;
  if ((gateway.at === "starting" || gateway.at === "connected") && nowMs - gateway.sinceMs >= GATEWAY_START_MS) {
    if (gateway.at === "connected") turn.out.push({ do: "kill-process", pid: gateway.pid });
    gatewayFailed(turn, `waited_s=${GATEWAY_START_MS / 1000}`);
  }
  if (state.phase.at !== "serving" || state.nursery.at !== "up") return;
  if (state.gateway.at !== "absent" || nowMs < state.gatewayBackOff.notBeforeMs) return;
  state.gateway = { at: "starting", sinceMs: nowMs };
  turn.out.push({ do: "start-gateway" });
}
