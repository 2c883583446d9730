/** How many workers there are, and which: forking, retiring, replacing surge-first. */

import { STEADY_MS } from "./back-off.ts";
import { noteReason } from "./restarts.ts";
import { type ArbiterState, hasUndrained, isCurrent, isReady, isStaying, log, staffMax, type Turn, type Worker } from "./state.ts";

/** How long a worker that has nothing to finish may take to leave. */
const QUIT_PATIENCE_MS = 2000;
/** SIGKILL is repeated, because the first may have met a nursery that was just dying. */
export const KILL_AGAIN_MS = 1000;

/** Brings the workers nearer to the target. Called after every event while serving with a nursery. */
export function reconcile(turn: Turn): void {
  retireSurplus(turn);
  retireReplaced(turn);
  retireBeyondSurge(turn);
  forkMissing(turn);
  noteReloadDone(turn);
  reportCount(turn);
}

/** Too many of the wanted kind: those that boot go first, for they serve nobody; then the oldest, as Gunicorn. */
function retireSurplus(turn: Turn): void {
  const current = staying(turn).filter((worker) => isCurrent(turn.state, worker));
  let surplus = current.length - turn.state.target;
  const byUse = [...current.filter((worker) => !isReady(worker)).reverse(), ...current.filter(isReady)];
  for (const worker of byUse) {
    if (surplus <= 0) return;
    noteReason(worker, "surplus");
    retire(turn, worker);
    surplus -= 1;
  }
}

function forkMissing(turn: Turn): void {
  const { state, nowMs } = turn;
  const all = staying(turn);
  const current = all.filter((worker) => isCurrent(state, worker));
  const vacant = state.target - current.length - spared(turn, all);
  const room = Math.min(vacant, staffMax(state) - all.length - leavingInPlace(state));
  if (room <= 0 || nowMs < state.workerBackOff.notBeforeMs) return;
  // After a failure, and while the scout is out, one at a time: more would only fail, or be cold, as well.
  const scouting = state.plan.warmImports && !state.warmed && state.target > 1;
  if (!scouting && state.workerBackOff.failures === 0) {
    for (let count = 0; count < room; count += 1) fork(turn, false);
  } else if (!current.some((worker) => worker.state.at === "booting")) {
    fork(turn, scouting);
  }
}

/** Without surge a successor waits until its predecessor is gone, not only told to go: there is no room for both. */
function leavingInPlace({ plan, workers, generation }: ArbiterState): number {
  if (plan.surge > 0) return 0;
  return [...workers.values()].filter((worker) => !isStaying(worker) && worker.generation < generation).length;
}

/**
 * Workers that have done their time and are not replaced yet, because as many as there should be still finish what they had: with
 * `max_requests` 1 and long requests there would be more of them without end. They serve on until then.
 */
function spared(turn: Turn, all: readonly Worker[]): number {
  const { state } = turn;
  const finishing = [...state.workers.values()].filter((worker) => worker.state.at === "stopping").length;
  if (finishing < state.target) return 0;
  return all.filter((worker) => worker.doomed && !worker.orphan && worker.generation === state.generation).length;
}

function fork(turn: Turn, scouting: boolean): void {
  const { state, nowMs } = turn;
  state.lastWorker += 1;
  const worker: Worker = {
    number: state.lastWorker,
    generation: state.generation,
    direct: state.plan.direct,
    forkedMs: nowMs,
    pid: undefined,
    bornMs: undefined,
    state: { at: "booting" },
    linked: false,
    links: new Set(),
    channelEnded: false,
    unlinkedSinceMs: new Map(),
    orphan: false,
    doomed: false,
    leaving: undefined,
    signalledDueMs: undefined,
    signalledBy: "",
  };
  state.workers.set(worker.number, worker);
  const { number, generation } = worker;
  turn.out.push({
    do: "tell-nursery",
    message: { cmd: "fork", worker: number, generation, preload: state.plan.preload, report_modules: scouting },
  });
}

/** An old worker goes when a new one has taken its place: as many stay as are still missing among the ready new ones. */
function retireReplaced(turn: Turn): void {
  const { state } = turn;
  const all = staying(turn);
  const readyCurrent = all.filter((worker) => isCurrent(state, worker) && isReady(worker)).length;
  const old = all.filter((worker) => !isCurrent(state, worker));
  // Of the old, those that serve nobody go first; what is kept are the youngest.
  const byUse = [...old.filter((worker) => !isReady(worker)), ...old.filter(isReady)];
  const kept = Math.max(state.target - readyCurrent, mustFeed(state) ? 1 : 0);
  for (const worker of byUse.slice(0, Math.max(0, byUse.length - kept))) retire(turn, worker);
  if (state.plan.surge === 0) retireInPlace(turn);
}

/** A gateway still has requests for workers that it feeds, although those to come do without it. */
function mustFeed(state: ArbiterState): boolean {
  return state.plan.direct && hasUndrained(state);
}

/** Without surge: as soon as nobody boots or leaves, the next old one goes, to make room. */
function retireInPlace(turn: Turn): void {
  const { state } = turn;
  const all = staying(turn);
  const isQuiet = all.length >= staffMax(state) && leavingInPlace(state) === 0 && all.every(isReady);
  const next = all.find((worker) => !isCurrent(state, worker));
  if (isQuiet && next !== undefined && !(mustFeed(state) && all.length === 1)) retire(turn, next);
}

/** The target has fallen while many were booting in the place of dead old ones: fewer of them are needed now. */
function retireBeyondSurge(turn: Turn): void {
  const { state } = turn;
  const all = staying(turn);
  const excess = Math.max(0, all.length - staffMax(state));
  const unready = all.filter((worker) => isCurrent(state, worker) && !isReady(worker)).reverse();
  for (const worker of unready.slice(0, excess)) {
    noteReason(worker, "surplus");
    retire(turn, worker);
  }
}

function noteReloadDone(turn: Turn): void {
  const { state } = turn;
  const all = staying(turn);
  if (!state.reloading || all.length < state.target || !all.every((worker) => isCurrent(state, worker) && isReady(worker))) return;
  state.reloading = false;
  log(turn, "info", `reload done gen=${state.generation} workers=${all.length}`);
}

/** Tells one worker to leave: after its requests, or at once when it does not serve yet. */
export function retire(turn: Turn, worker: Worker): void {
  if (worker.state.at === "booting") {
    dismiss(turn, worker);
    return;
  }
  worker.state = { at: "stopping", killAtMs: turn.nowMs + turn.state.plan.gracefulTimeoutMs };
  if (worker.orphan && !worker.direct) turn.out.push({ do: "tell-gateways", message: { cmd: "stop-worker", worker: worker.number } });
  else turn.out.push({ do: "tell-nursery", message: { cmd: "stop", worker: worker.number } });
}

/** Ends what boots for a generation that is not wanted any more. */
export function dismissObsoleteBoots(turn: Turn): void {
  for (const worker of turn.state.workers.values()) {
    if (worker.state.at === "booting" && worker.generation !== turn.state.generation) dismiss(turn, worker);
  }
}

/** Tells one worker that boots to leave. It may serve already, and only its word of it be under way: then it finishes first. */
export function dismiss(turn: Turn, worker: Worker): void {
  leaveSoon(turn, worker, "dismiss", QUIT_PATIENCE_MS);
}

/** Tells one worker to leave at once, whatever it does. */
export function quit(turn: Turn, worker: Worker, patienceMs = QUIT_PATIENCE_MS): void {
  leaveSoon(turn, worker, "quit", patienceMs);
}

function leaveSoon(turn: Turn, worker: Worker, cmd: "dismiss" | "quit", patienceMs: number): void {
  worker.state = { at: "stopping", killAtMs: turn.nowMs + patienceMs };
  turn.out.push({ do: "tell-nursery", message: { cmd: worker.orphan ? "kill" : cmd, worker: worker.number } });
}

export function kill(turn: Turn, worker: Worker): void {
  const booting = worker.state.at === "booting" || ("booting" in worker.state && worker.state.booting);
  worker.state = { at: "killed", againAtMs: turn.nowMs + KILL_AGAIN_MS, booting };
  const { nursery } = turn.state;
  if (nursery.at === "up" || (nursery.at === "starting" && !nursery.adopts))
    turn.out.push({ do: "tell-nursery", message: { cmd: "kill", worker: worker.number } });
  // An orphan that nobody looks after yet, or ever again when the server stops.
  else if (worker.pid !== undefined) turn.out.push({ do: "kill-process", pid: worker.pid });
}

/** Kills a worker of whose end nobody will tell us: while it is in the application it would not see the end of its lifeline. */
export function abandon(turn: Turn, worker: Worker): void {
  if (worker.pid !== undefined) turn.out.push({ do: "kill-process", pid: worker.pid });
  turn.state.workers.delete(worker.number);
}

/** A worker forked after the last failure has lived long enough: the row of failures is over. */
export function isSteady(turn: Turn, worker: Worker): boolean {
  return (
    worker.state.at === "ready" &&
    worker.forkedMs >= turn.state.workerBackOff.lastFailureMs &&
    turn.nowMs - worker.state.sinceMs >= STEADY_MS
  );
}

function staying(turn: Turn): Worker[] {
  return [...turn.state.workers.values()].filter(isStaying);
}

/** Gunicorn's debug line, also the source of its `gunicorn.workers` gauge. */
function reportCount(turn: Turn): void {
  const count = staying(turn).length;
  if (turn.state.reportedWorkers === count) return;
  turn.state.reportedWorkers = count;
  turn.out.push({ do: "log", level: "debug", text: `${count} workers`, gauge: { name: "gunicorn.workers", value: count } });
}
