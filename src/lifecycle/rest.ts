/**
 * WINCH to a daemon: its workers leave, the master stays, without any, until HUP or TTIN. It is a step of an upgrade: the new master has the
 * clients, and the old one can still take over again.
 */

import { setTarget } from "./hooks.ts";
import { endLinks } from "./links.ts";
import { type Gateway, hasUndrained, log, type Turn } from "./state.ts";

/** On the way to no workers: the gateways finish with their clients first. */
export interface Rest {
  /** When the gateways have to be done; undefined: they have not been told yet. */
  drainByMs: number | undefined;
  /** A signal wants workers again; the gateways, which have closed their listeners, finish all the same, and others follow. */
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
  const { rest } = state;
  if (rest === undefined || state.phase.at !== "serving") return;
  const there = state.gateways.filter(({ life }) => life.at !== "absent");
  if (there.length === 0) {
    if (!rest.recalled) wantNone(turn);
    state.rest = undefined;
    return;
  }
  if (there.some(({ life }) => life.at !== "up")) return; // they will be, or be given up
  if (rest.drainByMs === undefined) {
    rest.drainByMs = nowMs + state.plan.gracefulTimeoutMs;
    for (const gateway of there) gateway.drained = false;
    out.push({ do: "tell-gateways", message: { cmd: "drain" } });
    return;
  }
  if (hasUndrained(state) && nowMs < rest.drainByMs) return;
  if (!rest.recalled) {
    wantNone(turn);
    // What they still answer goes through them; they have their own time to leave.
    if (hasUndrained(state) && state.workers.size > 0) return;
  }
  state.rest = undefined;
  for (const gateway of there) sendAway(turn, gateway);
}

function wantNone(turn: Turn): void {
  if (turn.state.target !== 0) setTarget(turn, 0);
}

/** Not a death: nobody has to hear of it. */
function sendAway(turn: Turn, gateway: Gateway): void {
  const { index } = gateway;
  gateway.life = { at: "absent" };
  gateway.told = "nothing";
  gateway.drained = false;
  endLinks(turn, gateway);
  turn.out.push({ do: "tell-gateway", gateway: index, message: { cmd: "quit" } }, { do: "drop-gateway", gateway: index });
}
