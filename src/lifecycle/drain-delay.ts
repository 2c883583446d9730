/**
 * TERM with `drain_delay`: the server says that it is not ready and goes on serving everybody for that long, so that whoever sends
 * clients here has looked away before the listeners close. Everything goes on meanwhile: workers that die are replaced, reloads run.
 */

import { type ArbiterState, log, type Turn } from "./state.ts";
import { beginStop, type Stop } from "./stop.ts";
import { sharesSockets } from "./succession.ts";

/**
 * When this part of the delay is over, answers say `Connection: close`. Those who look away have done so by then, and connections
 * that are in use are moved by their next answer, not cut between two requests. Earlier, clients would only connect here again.
 */
const PARTING_SHARE = 0.5;

export interface DrainDelay {
  readonly sinceMs: number;
  /** When clients are told to take their next request elsewhere; infinite: they have been. */
  readonly partAtMs: number;
  readonly untilMs: number;
  /** A TERM has come: the next one means at once. */
  readonly termed: boolean;
}

const GRACEFUL_STOP: Stop = { quick: false, ending: { code: 0, reason: undefined, silent: false } };

/** The server is to end; a second TERM ends the delay. @param signalled  By TERM, not by the order to drain, after which a TERM is the first. */
export function beginDrain(turn: Turn, signalled: boolean): void {
  const { state, nowMs } = turn;
  const { drainDelay, plan, succession } = state;
  if (succession.successor === "preparing" && !succession.termHeld) {
    succession.termHeld = true;
    return;
  }
  if (drainDelay !== undefined) {
    if (drainDelay.termed && signalled) endDelay(turn, drainDelay, "drain delay cut short");
    else state.drainDelay = { ...drainDelay, termed: drainDelay.termed || signalled };
    return;
  }
  const delayMs = plan.drainDelayMs;
  if (delayMs === 0 || !isNeeded(state)) {
    beginStop(turn, GRACEFUL_STOP);
    return;
  }
  state.drainDelay = { sinceMs: nowMs, partAtMs: nowMs + delayMs * PARTING_SHARE, untilMs: nowMs + delayMs, termed: signalled };
  log(turn, "info", `draining, not ready any more and still serving delay_s=${(delayMs / 1000).toFixed(1)}`);
}

/** Clients may be on their way to this server, and beside it there is no other master for them. */
function isNeeded(state: ArbiterState): boolean {
  return state.phase.at === "serving" && state.provenGeneration !== undefined && !isResting(state) && !sharesSockets(state);
}

function isResting({ rest, target }: ArbiterState): boolean {
  return rest !== undefined || target === 0;
}

/** Takes the steps that are due. Called after every event. */
export function superviseDrain(turn: Turn): void {
  const { state, nowMs } = turn;
  const { drainDelay, succession } = state;
  if (succession.termHeld && succession.successor !== "preparing") {
    succession.termHeld = false;
    beginDrain(turn, true);
    return;
  }
  if (drainDelay === undefined) return;
  if (state.phase.at !== "serving") {
    state.drainDelay = undefined;
    return;
  }
  if (nowMs >= drainDelay.untilMs) {
    endDelay(turn, drainDelay, "drain delay is over");
    return;
  }
  if (isResting(state)) {
    endDelay(turn, drainDelay, "nobody serves, the drain delay is over");
    return;
  }
  if (nowMs < drainDelay.partAtMs) return;
  state.drainDelay = { ...drainDelay, partAtMs: Number.POSITIVE_INFINITY };
  // A gateway that starts after this has new connections only, and a drain of its own soon.
  turn.out.push({ do: "tell-gateways", message: { cmd: "part" } });
}

function endDelay(turn: Turn, { sinceMs }: DrainDelay, why: string): void {
  turn.state.drainDelay = undefined;
  log(turn, "info", `${why}, stopping waited_s=${((turn.nowMs - sinceMs) / 1000).toFixed(1)}`);
  beginStop(turn, GRACEFUL_STOP);
}
