/** What happens to workers, and what it means. The consequences for their number follow in `reconcile`. */

import { countFailure, describeWait, STEADY_MS } from "./back-off.ts";
import { endCause } from "./end-cause.ts";
import { BOOT_ERROR_CODE, describeStatus, exitReport, haltReason } from "./exit-report.ts";
import { isParting } from "./gateway.ts";
import { awaitLink, unlink } from "./links.ts";
import type { ExitStatus, GatewayEvent, RequestInfo } from "./messages.ts";
import { commitReload, withdrawReload } from "./reload.ts";
import { countRestart, noteReason } from "./restarts.ts";
import { describeRequest, isCurrent, isReady, log, type Turn, type Worker, type WorkerState } from "./state.ts";
import { beginStop } from "./stop.ts";
import { KILL_AGAIN_MS, kill } from "./workers.ts";

/** How long the master waits for a signal of its own before it believes that a worker alone got a TERM. */
export const SIGNALLED_WAIT_MS = 100;
/** After its channel has ended a worker has this long to be reaped before it is killed: it can serve nobody. */
const LOST_PATIENCE_MS = 1000;
/** Between SIGABRT and SIGKILL of a timed-out worker, as with Gunicorn's loop. */
export const ABORT_PATIENCE_MS = 1000;
/** So many workers of a new generation may be killed by signals while they boot (somebody's doing, perhaps no fault of theirs) before it is given up. */
const KILLED_BOOTS_MAX = 3;

export function onForked(turn: Turn, number: number, pid: number): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined) {
    // Given up while it was not born, and then born after all.
    turn.out.push({ do: "kill-process", pid });
    return;
  }
  worker.pid = pid;
  worker.bornMs = turn.nowMs;
}

/** The application is loaded, says the nursery. */
export function onLoaded(turn: Turn, number: number, pid: number, modules: readonly string[]): void {
  const { state, nowMs } = turn;
  const worker = state.workers.get(number);
  if (worker?.state.at === "stopping") {
    // Dismissed when it served already: it finishes first.
    worker.state = { at: "stopping", killAtMs: nowMs + state.plan.gracefulTimeoutMs };
    return;
  }
  if (worker === undefined || worker.state.at !== "booting") return;
  worker.pid = pid;
  worker.state = { at: "ready", sinceMs: nowMs };
  // No gateway has to know a direct worker.
  if (worker.direct) worker.linked = true;
  for (const gateway of state.gateways) if (gateway.life.at === "up" && !isParting(gateway)) awaitLink(turn, gateway, worker);
  if (state.plan.warmImports && !state.warmed && state.phase.at === "serving") {
    state.warmed = true;
    turn.out.push({ do: "tell-nursery", message: { cmd: "warm", modules } });
  }
  noteReady(turn, worker);
}

/** It may be ready now. */
export function noteReady(turn: Turn, worker: Worker): void {
  const { state } = turn;
  if (!isReady(worker)) return;
  log(turn, "debug", `worker ready worker=${worker.number} gen=${worker.generation} pid=${worker.pid}`);
  if (!isCurrent(state, worker)) return;
  state.provenGeneration = Math.max(state.provenGeneration ?? 0, worker.generation);
  commitReload(turn);
}

/** The worker takes no more requests; it was told to, or leaves by itself. */
export function onLeaving(turn: Turn, number: number): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined) return;
  unlink(worker);
  if (worker.state.at === "ready") worker.state = { at: "stopping", killAtMs: turn.nowMs + turn.state.plan.gracefulTimeoutMs };
}

/** The gateway saw the end of the worker's channel. */
export function onLost(turn: Turn, lost: Extract<GatewayEvent, { ev: "worker-lost" }>): void {
  const { state, nowMs } = turn;
  const { worker: number, pid, requests, more } = lost;
  for (const request of requests)
    log(turn, "error", `request lost with its worker worker=${number} pid=${pid} ${describeRequest(request)}`);
  if (more > 0) log(turn, "error", `more requests lost with their worker worker=${number} pid=${pid} count=${more}`);
  const worker = state.workers.get(number);
  // The nursery may have reported its exit first.
  if (worker === undefined) return;
  unlink(worker);
  worker.channelEnded = true;
  if (worker.orphan && state.nursery.at !== "up") {
    // Nobody is left who could reap it; the next nursery need not hear of it.
    state.workers.delete(number);
    countRestart(state, worker, null);
  } else if (worker.state.at === "ready") {
    worker.state = { at: "lost", readySinceMs: worker.state.sinceMs, killAtMs: nowMs + LOST_PATIENCE_MS };
  }
}

/** What ends a worker of Gunicorn's that gets it alone. (USR1 opens its logs anew, which it has done; WINCH means nothing.) */
const ENDING = new Set(["TERM", "INT", "QUIT", "HUP", "USR2"]);

/** The worker got a signal of its own and asks what it means. */
export function onSignalled(turn: Turn, number: number, signal: string): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined || !ENDING.has(signal) || worker.signalledDueMs !== undefined) return;
  worker.signalledDueMs = turn.nowMs + SIGNALLED_WAIT_MS;
  worker.signalledBy = signal;
}

/** If the master did not get the signal as well, it was meant for this worker alone. */
export function onSignalledDue(turn: Turn, worker: Worker): void {
  const dueMs = worker.signalledDueMs ?? turn.nowMs;
  const signal = worker.signalledBy;
  worker.signalledDueMs = undefined;
  if (worker.doomed || turn.state.phase.at !== "serving") return;
  const heardMs = turn.state.signalsMs.get(signal.toLowerCase()) ?? Number.NEGATIVE_INFINITY;
  if (heardMs >= dueMs - 2 * SIGNALLED_WAIT_MS) return;
  worker.doomed = true;
  noteReason(worker, "signalled");
  log(turn, "info", `worker signalled, replacing it worker=${worker.number} pid=${worker.pid} signal=${signal}`);
}

/** A request has been silent for longer than `timeout`, says the gateway. */
export function onOverdue(turn: Turn, number: number, silentMs: number, request: RequestInfo | undefined): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined) return;
  abort(turn, worker, `silent_s=${(silentMs / 1000).toFixed(1)}${request === undefined ? "" : ` ${describeRequest(request)}`}`);
}

/** A direct worker's heartbeat has stopped. One that was told to leave does not beat: it has `graceful_timeout`. */
export function onSilent(turn: Turn, number: number, silentMs: number): void {
  const worker = turn.state.workers.get(number);
  if (worker?.state.at === "ready") abort(turn, worker, `silent_s=${(silentMs / 1000).toFixed(1)}`);
}

/** Gunicorn's line and ours, then the worker's end. */
export function abort(turn: Turn, worker: Worker, detail: string): void {
  abortWith(turn, worker, [`WORKER TIMEOUT (pid:${worker.pid})`, `worker timed out worker=${worker.number} pid=${worker.pid} ${detail}`]);
}

/** SIGABRT now, at which the worker shows where its threads are, SIGKILL a second later. @param lines  What the log says about it. */
export function abortWith(turn: Turn, worker: Worker, lines: readonly string[]): void {
  if (worker.state.at === "aborted" || worker.state.at === "killed") return;
  const booting = worker.state.at === "booting";
  noteReason(worker, "timeout");
  worker.state = { at: "aborted", killAtMs: turn.nowMs + ABORT_PATIENCE_MS, booting };
  unlink(worker);
  for (const line of lines) log(turn, "critical", line);
  turn.out.push({ do: "tell-nursery", message: { cmd: "abort", worker: worker.number } });
}

/** The mold has not forked the worker in time. Its workers are given up, all at once: the nursery then kills the mold. */
export function giveUpMold(turn: Turn, worker: Worker): void {
  const { generation, forkedMs } = worker;
  const waited = ((turn.nowMs - forkedMs) / 1000).toFixed(1);
  countFailure(turn.state.workerBackOff, forkedMs, turn.nowMs);
  log(turn, "critical", `the preloaded application is not imported in time, killing its mold gen=${generation} waited_s=${waited}`);
  for (const unborn of turn.state.workers.values()) {
    if (unborn.generation === generation && unborn.pid === undefined && unborn.state.at !== "killed") kill(turn, unborn);
  }
}

/** SIGQUIT is ours, and meets a worker that is just born before its handler is there. */
function wasToldToQuit(state: WorkerState, status: ExitStatus): boolean {
  return state.at === "stopping" && status !== null && "signal" in status && status.signal === "SIGQUIT";
}

/** Gunicorn's line, and one of ours that says why. */
function reportEnd(turn: Turn, worker: Worker, pid: number, status: ExitStatus, outOfMemory: boolean | undefined): void {
  const report = exitReport(pid, status);
  if (report !== undefined) log(turn, report.level, report.text);
  const { at } = worker.state;
  const cause = endCause(status, at === "aborted" || at === "killed", outOfMemory);
  if (cause !== undefined) log(turn, "error", `worker ended worker=${worker.number} pid=${pid} ${describeStatus(status)} ${cause}`);
}

/** The worker is gone. Logs it as Gunicorn does and decides whether it was a failure. */
export function onExited(turn: Turn, number: number, pid: number, status: ExitStatus, outOfMemory?: boolean): void {
  const { state, nowMs } = turn;
  const worker = state.workers.get(number);
  if (worker === undefined) return;
  state.workers.delete(number);
  countRestart(state, worker, status, outOfMemory);
  const before = worker.state;
  if (!wasToldToQuit(before, status)) reportEnd(turn, worker, pid, status, outOfMemory);
  switch (before.at) {
    case "booting":
      onBootFailed(turn, worker, pid, status);
      break;
    case "aborted":
    case "killed":
      if (before.booting) onBootFailed(turn, worker, pid, { signal: "SIGABRT" });
      break;
    case "ready":
    case "lost": {
      const readySinceMs = before.at === "ready" ? before.sinceMs : before.readySinceMs;
      const unwell = !worker.orphan && !hasLeft(worker, status) && nowMs - readySinceMs < STEADY_MS;
      if (unwell) countFailure(state.workerBackOff, worker.forkedMs, nowMs);
      log(turn, "debug", `worker gone worker=${number} pid=${pid} ${describeStatus(status)}`);
      break;
    }
    case "stopping":
      break;
  }
}

/** Direct workers leave by themselves, after max_requests and by signals that we do not see. */
function hasLeft(worker: Worker, status: ExitStatus): boolean {
  return worker.direct && status !== null && "code" in status && status.code === 0;
}

function onBootFailed(turn: Turn, worker: Worker, pid: number | undefined, status: ExitStatus): void {
  const { state, nowMs } = turn;
  if (state.phase.at !== "serving") return;
  const reason = haltReason(status);
  if (state.provenGeneration === undefined && reason !== undefined) {
    const code = status !== null && "code" in status ? status.code : 1;
    beginStop(turn, { quick: false, ending: { code, reason, silent: false } });
    return;
  }
  if (!isCurrent(state, worker)) return;
  const waitMs = countFailure(state.workerBackOff, worker.forkedMs, nowMs);
  const killed = status === null || "signal" in status;
  const unproven = state.provenGeneration !== undefined && state.generation > state.provenGeneration;
  if (unproven && (!killed || state.workerBackOff.failures >= KILLED_BOOTS_MAX || worker.state.at !== "booting")) {
    withdrawReload(turn, state.provenGeneration ?? 0);
    return;
  }
  const known = pid === undefined ? "" : `pid=${pid} `;
  const detail = `worker=${worker.number} gen=${worker.generation} ${known}${describeStatus(status)}`;
  log(turn, "warning", `worker did not boot, trying again ${detail} ${describeWait(waitMs)}`);
}

/** The application could not be imported for preload; the end of each of its workers, which were never forked, is told after this. */
export function onMoldFailed(turn: Turn, generation: number, status: ExitStatus): void {
  const { state } = turn;
  const waiting = [...state.workers.values()].filter((worker) => worker.generation === generation && worker.pid === undefined);
  if (state.phase.at === "serving") judgeMold(turn, waiting[0], status);
  // Their failure was this one. Not forgotten: the nursery may have taken one of them for the mold after this.
  for (const worker of waiting) worker.state = { at: "killed", againAtMs: turn.nowMs + KILL_AGAIN_MS, booting: false };
}

function judgeMold(turn: Turn, worker: Worker | undefined, status: ExitStatus): void {
  // One that we have killed may have waited for something that comes back; another would fail again.
  if (turn.state.provenGeneration === undefined && worker?.state.at !== "killed") {
    beginStop(turn, { quick: false, ending: { code: 1, reason: haltReason(status) ?? "Worker failed to boot.", silent: false } });
  } else if (worker !== undefined) onBootFailed(turn, worker, undefined, status);
}

/** `pre_fork` raised: nothing was started, and another attempt would fare no better than one whose application cannot be loaded. */
export function onPreForkFailed(turn: Turn, number: number): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined || !turn.state.workers.delete(number)) return;
  countRestart(turn.state, worker, null);
  onBootFailed(turn, worker, undefined, { code: BOOT_ERROR_CODE });
}

/** The nursery could not fork: nothing was started, the next attempt waits. */
export function onForkFailed(turn: Turn, number: number): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined || !turn.state.workers.delete(number)) return;
  countRestart(turn.state, worker, null);
  countFailure(turn.state.workerBackOff, worker.forkedMs, turn.nowMs);
}
