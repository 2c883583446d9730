/** The nursery's life as the mind sees it: start, binding, death, succession. */

import { countFailure, describeWait, forgetFailures, STEADY_MS } from "./back-off.ts";
import { describeStatus } from "./exit-report.ts";
import { listenAgain } from "./gateway.ts";
import { callFirstHooks, callHook } from "./hooks.ts";
import { orphanLinks } from "./links.ts";
import { sendBind } from "./listening.ts";
import type { ExitStatus } from "./messages.ts";
import { isPythonSupported, unsupportedPython } from "./python-version.ts";
import { onReadingLost } from "./reload.ts";
import { isLive, isStaying, log, type Turn, type Worker } from "./state.ts";
import { finish } from "./stop.ts";
import { abandon } from "./workers.ts";

/** Nurseries that die before a socket is bound, in a row, after which the start is given up. */
const UNBOUND_DEATHS_MAX = 5;
/**
 * A new nursery that has not taken over by then is killed: Python starts in a tenth of this even on a starved machine. As much again
 * is given to the configuration.
 */
export const NURSERY_START_MS = 20_000;

/** First words to the nursery, none of which needs an answer before the next. */
export function onBegin(turn: Turn): void {
  log(turn, "info", `Starting tunicorn ${turn.state.plan.version}`);
  turn.out.push({ do: "send-settings" });
  // Before there is a listener that it could be given.
  if (turn.state.plan.direct && turn.state.plan.gatewayUnderWay) turn.out.push({ do: "tell-nursery", message: { cmd: "no-gateway" } });
  callFirstHooks(turn);
  sendBind(turn);
}

export function onHello(turn: Turn, python: string, executable: string): void {
  const { state, nowMs } = turn;
  if (!isPythonSupported(python)) {
    failStart(turn, unsupportedPython(python, executable));
    return;
  }
  state.nurseryProven = true;
  if (state.nursery.at === "starting" && !state.nursery.adopts) state.nursery = { at: "up", sinceMs: nowMs };
}

/** The successor has taken over; everything its predecessor forked is replaced in time. */
export function onAdopted(turn: Turn): void {
  if (turn.state.nursery.at !== "starting") return;
  turn.state.nursery = { at: "up", sinceMs: turn.nowMs };
  turn.state.configEndsNursery = false;
  callHook(turn, "when_ready");
  // It may have been on its way to the predecessor.
  for (const gateway of turn.state.gateways) if (isLive(gateway) && gateway.told === "nothing") listenAgain(turn, gateway);
  log(turn, "info", `nursery replaced, adopted_workers=${[...turn.state.workers.values()].filter((worker) => worker.orphan).length}`);
}

/** A successor has run the configuration for the sake of its live objects; the values are those of the start, whatever it says now. */
export function onConfigRan(turn: Turn, status: string, text: string): void {
  const { state, nowMs } = turn;
  // The patience for what is left to do begins here: a configuration may take its time.
  if (state.nursery.at === "starting") state.nursery = { ...state.nursery, configuring: false, sinceMs: nowMs };
  if (status !== "ok") warnOfConfig(turn, text.trimEnd().split("\n").at(-1) || status);
}

function warnOfConfig(turn: Turn, reason: string): void {
  log(turn, "warning", `configuration cannot be run again, its values are kept, its functions and classes are lost: ${reason}`);
}

export function onUnlistened(turn: Turn): void {
  turn.state.unlistened = true;
}

/** The nursery is gone. Its workers live on as orphans; a successor takes over. */
export function onNurseryExited(turn: Turn, status: ExitStatus, cause: string | undefined): void {
  const { state, nowMs } = turn;
  const before = state.nursery;
  if (before.at === "down") return;
  state.nursery = { at: "down" };
  state.unlistened = false;
  if (before.at === "starting" && before.configuring) state.configEndsNursery = true;
  onReadingLost(turn);
  state.binds = [];
  state.heard = [];
  // Asked of the one that is gone: nobody will answer.
  for (const gateway of state.gateways) if (gateway.life.at === "starting") gateway.life = { at: "absent" };
  for (const worker of [...state.workers.values()]) {
    worker.orphan = true;
    orphanLinks(turn, worker);
    worker.doomed = true;
    worker.signalledDueMs = undefined;
    // What it was told may have died with the nursery.
    if (worker.pid !== undefined && worker.state.at === "stopping" && hasLiveGateway(turn)) tellThroughGateways(turn, worker);
    if (worker.pid !== undefined && state.phase.at === "stopping" && (worker.channelEnded || !hasLiveGateway(turn))) abandon(turn, worker);
    if (worker.pid === undefined) {
      // Perhaps forked, perhaps not: if it is there, the gateway can reach it; if not, nobody misses it.
      state.workers.delete(worker.number);
      if (hasLiveGateway(turn)) tellThroughGateways(turn, worker);
    }
  }
  if (state.phase.at === "stopping" || state.phase.at === "exited") return;
  state.nurseryRestarts += 1;
  if (!state.nurseryProven) {
    const text = `Python (${state.plan.python}) ended before it was ready: ${describeStatus(status)}; choose another interpreter with --python`;
    failStart(turn, cause ?? text);
    return;
  }
  // A nursery that lived well is followed at once; the wait is for those that die young.
  const young = before.at === "starting" || nowMs - before.sinceMs < STEADY_MS;
  if (!young) forgetFailures(state.nurseryBackOff);
  const waitMs = young ? countFailure(state.nurseryBackOff, nowMs, nowMs) : 0;
  const reason = cause === undefined ? "" : `: ${cause}`;
  log(turn, "error", `nursery died, starting another${reason} ${describeStatus(status)} ${describeWait(waitMs)}`);
  if (state.phase.at === "binding" && state.nurseryBackOff.failures >= UNBOUND_DEATHS_MAX) {
    failStart(turn, `the Python half died ${UNBOUND_DEATHS_MAX} times before it could listen: ${describeStatus(status)}`);
  }
}

/** It lives, but does not answer: stopped, or in a call that never ends. Workers cannot be told anything and none is replaced, so another takes over. */
export function onNurserySilent(turn: Turn, silentMs: number): void {
  // One that starts has a deadline of its own; when all stops, so does the wait for it.
  if (turn.state.nursery.at !== "up" || turn.state.phase.at !== "serving") return;
  log(turn, "critical", `nursery does not answer, killing it silent_s=${(silentMs / 1000).toFixed(1)}`);
  turn.out.push({ do: "kill-nursery" });
}

/** Starts the successor when there should be one. Called after every event. */
export function superviseNursery(turn: Turn): void {
  const { state, nowMs } = turn;
  if (state.nursery.at === "starting" && nowMs - state.nursery.sinceMs >= NURSERY_START_MS) {
    state.nursery = { ...state.nursery, sinceMs: nowMs };
    turn.out.push({ do: "kill-nursery" });
  }
  if (state.nursery.at !== "down" || nowMs < state.nurseryBackOff.notBeforeMs) return;
  if (state.phase.at !== "binding" && state.phase.at !== "serving") return;
  const adopts = state.phase.at === "serving";
  const configuring = state.plan.hasConfig && !state.configEndsNursery;
  state.nursery = { at: "starting", sinceMs: nowMs, adopts, configuring };
  turn.out.push({ do: "start-nursery" });
  if (configuring) turn.out.push({ do: "run-config" });
  else if (state.plan.hasConfig) warnOfConfig(turn, "it ended the nursery that ran it");
  turn.out.push({ do: "send-settings" });
  callFirstHooks(turn);
  if (!adopts) {
    if (state.phase.at === "binding") state.phase = { ...state.phase, retryAtMs: undefined };
    turn.out.push({ do: "close-listeners" });
    sendBind(turn);
    return;
  }
  turn.out.push({ do: "hand-over", gateways: state.gateways.filter(isLive).map(({ index }) => index) });
  const workers = [...state.workers.values()].flatMap((worker) => (worker.pid === undefined ? [] : [[worker.number, worker.pid] as const]));
  turn.out.push({ do: "tell-nursery", message: { cmd: "adopted", workers } });
  for (const worker of state.workers.values()) {
    if (isStaying(worker) && worker.state.at === "booting") worker.state = { at: "stopping", killAtMs: nowMs };
  }
}

/** The server cannot start: Gunicorn's form for an error before the log is of any use. */
export function failStart(turn: Turn, text: string): void {
  if (turn.state.provenGeneration !== undefined) {
    log(turn, "error", text);
    turn.out.push({ do: "kill-nursery" });
    return;
  }
  turn.out.push({ do: "print-error", text: `\nError: ${text}\n` });
  finish(turn, { code: 1, reason: undefined, silent: true });
}

function tellThroughGateways(turn: Turn, worker: Worker): void {
  turn.out.push({ do: "tell-gateways", message: { cmd: "stop-worker", worker: worker.number } });
}

function hasLiveGateway(turn: Turn): boolean {
  return turn.state.gateways.some(isLive);
}
