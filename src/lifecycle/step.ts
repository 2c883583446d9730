/** The arbiter's mind. */

import type { Command } from "./command.ts";
import { applyDeadlines } from "./deadlines.ts";
import { beginDrain, superviseDrain } from "./drain-delay.ts";
import type { ArbiterEvent, MasterSignal } from "./event.ts";
import { masterSignal } from "./event.ts";
import { waitStatus } from "./exit-report.ts";
import { endHold, gatewayFailed, listenAgain, onGatewayConnected, onGatewayGone, onGatewayUp, superviseGateways } from "./gateway.ts";
import { onHookFailed, setTarget } from "./hooks.ts";
import { onLate } from "./late-requests.ts";
import { onLinked } from "./links.ts";
import { onBindFailed, onBound, onListening, superviseListeners } from "./listening.ts";
import type { GatewayEvent, NurseryEvent } from "./messages.ts";
import {
  failStart,
  onAdopted,
  onBegin,
  onConfigRan,
  onHello,
  onNurseryExited,
  onNurserySilent,
  onUnlistened,
  superviseNursery,
} from "./nursery.ts";
import { onMemory, onWorn } from "./recycle.ts";
import { onRebound, onSettingsRead, onSourceChanged, requestReload, superviseReload, withdrawReload } from "./reload.ts";
import { onWinch, recall, superviseRest } from "./rest.ts";
import { noteService } from "./service-notes.ts";
import { type ArbiterState, log, type Turn } from "./state.ts";
import { onOrder } from "./steering.ts";
import { advanceStop, beginStop, hurryStop } from "./stop.ts";
import { notPrepared, onPredecessorGone, onPreExecRan, onSuccessorExited, onUsr2, superviseSuccession } from "./succession.ts";
import * as workerEvents from "./worker-events.ts";
import { reconcile } from "./workers.ts";

/**
 * Decides what the arbiter does about one event. Updates `state`, touches nothing else; the shell runs the commands in order
 * and calls again with a `tick` at `nextWakeMs(state)`.
 */
export function step(state: ArbiterState, event: ArbiterEvent): Command[] {
  if (state.phase.at === "exited") return [];
  const turn: Turn = { state, nowMs: event.nowMs, out: [] };
  takeIn(turn, event);
  applyDeadlines(turn);
  superviseNursery(turn);
  superviseListeners(turn);
  superviseReload(turn);
  superviseRest(turn);
  superviseGateways(turn);
  if (state.phase.at === "serving" && state.nursery.at === "up") reconcile(turn);
  superviseSuccession(turn);
  superviseDrain(turn);
  noteService(turn);
  advanceStop(turn);
  return turn.out;
}

function takeIn(turn: Turn, event: ArbiterEvent): void {
  switch (event.type) {
    case "begin":
      onBegin(turn);
      break;
    case "signal":
      onSignal(turn, event.name);
      break;
    case "nursery-said":
      onNurserySaid(turn, event.said);
      break;
    case "nursery-exited":
      onNurseryExited(turn, event.status, event.cause);
      break;
    case "nursery-silent":
      onNurserySilent(turn, event.silentMs);
      break;
    case "gateway-said":
      onGatewaySaid(turn, event.gateway, event.said);
      break;
    case "gateway-closed":
      onGatewayGone(turn, event.pid, null);
      break;
    case "source-changed":
      onSourceChanged(turn, event.path);
      break;
    case "settings-read":
      onSettingsRead(turn, event.reading, event.outcome);
      break;
    case "successor-exited":
      onSuccessorExited(turn, event.pid, event.status, event.cause);
      break;
    case "drain":
      if (turn.state.phase.at !== "stopping") beginDrain(turn, false);
      break;
    case "ordered":
      onOrder(turn, event.order);
      break;
    case "predecessor-gone":
      onPredecessorGone(turn);
      break;
    case "tick":
      return;
    default:
      unreachable(event);
  }
}

function onSignal(turn: Turn, name: MasterSignal): void {
  const { state } = turn;
  state.signalsMs.set(name, turn.nowMs);
  if (state.phase.at === "stopping") {
    if (name === "int" || name === "quit") hurryStop(turn, state.phase);
    return;
  }
  log(turn, "info", `Handling signal: ${name}`);
  switch (name) {
    case "term":
      beginDrain(turn, true);
      break;
    case "int":
    case "quit":
      beginStop(turn, { quick: true, ending: { code: 0, reason: undefined, silent: false } });
      break;
    case "hup":
      recall(turn);
      requestReload(turn);
      break;
    case "ttin":
      recall(turn);
      setTarget(turn, state.target + 1);
      return;
    case "ttou":
      if (state.target > 1) setTarget(turn, state.target - 1);
      return;
    case "usr1":
      turn.out.push({ do: "reopen-logs" }, { do: "tell-nursery", message: { cmd: "reopen-logs" } });
      turn.out.push({ do: "tell-gateways", message: { cmd: "reopen-logs" } });
      return;
    case "usr2":
      onUsr2(turn);
      break;
    case "winch":
      onWinch(turn);
      break;
    default:
      unreachable(name);
  }
}

function onNurserySaid(turn: Turn, said: NurseryEvent): void {
  switch (said.ev) {
    case "hello":
      onHello(turn, said.python, said.executable);
      break;
    case "listening":
      onListening(turn, said);
      break;
    case "bound":
      if (onBound(turn)) onRebound(turn);
      break;
    case "bind-failed":
      onBindFailed(turn, said);
      break;
    case "gateway":
      onGatewayConnected(turn, said.gateway, said.pid);
      break;
    case "config-ran":
      onConfigRan(turn, said.status, said.text);
      break;
    case "gateway-channel":
    case "parked":
    case "sources":
    case "boot-failed":
      return; // what there is of it is in the hands
    case "gateway-exited":
      onGatewayGone(turn, said.pid, said.status);
      break;
    case "forked":
      workerEvents.onForked(turn, said.worker, said.pid);
      break;
    case "ready":
      workerEvents.onLoaded(turn, said.worker, said.pid, said.modules);
      break;
    case "overdue":
      workerEvents.onSilent(turn, said.worker, said.silentMs);
      break;
    case "worn":
      onWorn(turn, said.worker, said.requests);
      break;
    case "memory":
      onMemory(turn, said.worker, said.bytes, said.limitBytes, said.hard);
      break;
    case "signalled":
      workerEvents.onSignalled(turn, said.worker, said.signal);
      break;
    case "exited":
      workerEvents.onExited(turn, said.worker, said.pid, said.status, said.outOfMemory);
      break;
    case "mold-failed":
      workerEvents.onMoldFailed(turn, said.generation, said.status);
      break;
    case "unknown-child":
      log(turn, "debug", `Reaped unknown child process (pid:${said.pid}, status:${waitStatus(said.status)})`);
      break;
    case "forward-signal": {
      const name = masterSignal(said.signal);
      if (name !== undefined) onSignal(turn, name);
      break;
    }
    case "hook-failed":
      onHookFailed(turn, said);
      if (said.worker !== undefined) workerEvents.onPreForkFailed(turn, said.worker);
      break;
    case "pre-exec-ran":
      onPreExecRan(turn, said.status);
      break;
    case "set-workers":
      turn.state.target = Math.max(0, said.count);
      break;
    case "halt":
      beginStop(turn, { quick: false, ending: { code: said.code, reason: said.reason ?? undefined, silent: false } });
      break;
    case "unlistened":
      onUnlistened(turn);
      break;
    case "adopted":
      onAdopted(turn);
      break;
    case "log":
      log(turn, said.level, said.text);
      break;
    case "failed":
      onCommandFailed(turn, said);
      break;
    default:
      unreachable(said);
  }
}

/** The nursery could not carry out a command. */
function onCommandFailed(turn: Turn, failed: Extract<NurseryEvent, { ev: "failed" }>): void {
  if (failed.cmd === "settings") {
    const { fallback, provenGeneration } = turn.state;
    if (fallback === undefined || provenGeneration === undefined) {
      failStart(turn, failed.text);
      return;
    }
    log(turn, "error", failed.text);
    withdrawReload(turn, provenGeneration);
    return;
  }
  log(turn, "error", `nursery cannot ${failed.cmd}: ${failed.text}`);
  const gateway = failed.cmd === "gateway" ? turn.state.gateways[failed.gateway ?? 0] : undefined;
  if (gateway?.life.at === "starting") gatewayFailed(turn, gateway, failed.text);
  if (failed.cmd === "pre-exec") notPrepared(turn, failed.text);
  if (failed.cmd === "fork" && failed.worker !== undefined) workerEvents.onForkFailed(turn, failed.worker);
}

function onGatewaySaid(turn: Turn, index: number, said: GatewayEvent): void {
  const gateway = turn.state.gateways[index];
  if (gateway === undefined) return;
  switch (said.ev) {
    case "up":
      onGatewayUp(turn, gateway, said.pid);
      break;
    case "worker-ready":
      endHold(turn, gateway);
      onLinked(turn, gateway, said.worker);
      break;
    case "worker-leaving":
      workerEvents.onLeaving(turn, said.worker);
      break;
    case "worker-lost":
      workerEvents.onLost(turn, said);
      break;
    case "drained":
      gateway.drained = true;
      return;
    case "resume":
      if (turn.state.phase.at === "serving") listenAgain(turn, gateway);
      break;
    case "overdue":
      workerEvents.onOverdue(turn, said.worker, said.silentMs, said.request);
      break;
    case "late":
      onLate(turn, said);
      break;
    case "report":
      return; // asked for by the hands, for themselves
    case "log":
      log(turn, said.level, said.text);
      break;
    default:
      unreachable(said);
  }
}

function unreachable(value: never): never {
  throw new Error(`the mind has no part for ${JSON.stringify(value)}`);
}
