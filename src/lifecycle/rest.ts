/**
 * WINCH to a daemon: its workers leave, the master stays, without any, until HUP or TTIN. It is a step of an upgrade: the new master has the
 * clients, and the old one can still take over again.
 */

import { setTarget } from "./hooks.ts";
import { log, type Turn } from "./state.ts";

/** On the way to no workers: the gateway finishes with its clients first. */
export interface Rest {
  /** When the gateway has to be done; undefined: it has not been told yet. */
  drainByMs: number | undefined;
  /** A signal wants workers again; the gateway, which has closed its listeners, finishes all the same, and another one follows. */
  recalled: boolean;
}

export function onWinch(turn: Turn): void {
  const { state } = turn;
  if (!state.plan.daemon) {
    log(turn, "debug", "SIGWINCH ignored. Not daemonized");
    return;
  }
  log(turn, "info", "graceful stop of workers");
  beginRest(turn);
}

/** Without workers nobody answers the clients that a gateway would take. */
export function beginRest({ state }: Turn): void {
  if (state.rest === undefined) state.rest = { drainByMs: undefined, recalled: false };
  else state.rest.recalled = false;
}

/** HUP and TTIN want workers. */
export function recall(turn: Turn): void {
  if (turn.state.rest !== undefined) turn.state.rest.recalled = true;
}

/** Takes the steps that can be taken now. Called after every event, before the gateway is looked after. */
export function superviseRest(turn: Turn): void {
  const { state, nowMs, out } = turn;
  const { rest, gateway } = state;
  if (rest === undefined || state.phase.at !== "serving") return;
  if (gateway.at === "absent") {
    if (!rest.recalled) wantNone(turn);
    state.rest = undefined;
    return;
  }
  if (gateway.at !== "up") return; // it will be, or be given up
  if (rest.drainByMs === undefined) {
    rest.drainByMs = nowMs + state.plan.gracefulTimeoutMs;
    state.drained = false;
    out.push({ do: "tell-gateway", message: { cmd: "drain" } });
    return;
  }
  if (!state.drained && nowMs < rest.drainByMs) return;
  if (!rest.recalled) {
    wantNone(turn);
    // What they still answer goes through it; they have their own time to leave.
    if (!state.drained && state.workers.size > 0) return;
  }
  state.rest = undefined;
  sendGatewayAway(turn);
}

function wantNone(turn: Turn): void {
  if (turn.state.target !== 0) setTarget(turn, 0);
}

/** Not a death: nobody has to hear of it. */
function sendGatewayAway(turn: Turn): void {
  const { state, out } = turn;
  state.gateway = { at: "absent" };
  state.gatewayTold = "nothing";
  state.drained = false;
  for (const worker of state.workers.values()) {
    if (worker.direct) continue;
    worker.linked = false;
    worker.unlinkedSinceMs = undefined;
  }
  out.push({ do: "tell-gateway", message: { cmd: "quit" } }, { do: "drop-gateway" });
}
