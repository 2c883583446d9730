/** Workers that have done their time: by requests, age or memory. They are only marked; `reconcile` replaces them, the new one first. */

import { noteReason, type RestartReason } from "./restarts.ts";
import { type ArbiterState, log, type Turn, type Worker } from "./state.ts";
import { kill } from "./workers.ts";

const MIB = 1024 ** 2;
const WORD_VALUES = 2 ** 32;
/** Multiples of it, wrapped, fall far from each other, however many there are (Knuth, "Sorting and Searching", 6.4). */
const GOLDEN_WORD = 0x9e3779b1;

/** The worker has begun as many requests as `max_requests` allows, says the nursery. It has told the log so itself, with Gunicorn's line. */
export function onWorn(turn: Turn, number: number, requests: number): void {
  replace(turn, turn.state.workers.get(number), "max-requests", "debug", `requests=${requests}`);
}

/** Its memory is over a limit, says the nursery. */
export function onMemory(turn: Turn, number: number, bytes: number, limitBytes: number, hard: boolean): void {
  const worker = turn.state.workers.get(number);
  const detail = `memory_mib=${toMib(bytes)} limit_mib=${toMib(limitBytes)}`;
  if (!hard) {
    replace(turn, worker, "memory", "info", detail);
  } else if (worker !== undefined && worker.state.at !== "killed") {
    log(turn, "critical", `worker over its hard memory limit, killing it worker=${number} pid=${worker.pid} ${detail}`);
    noteReason(worker, "memory");
    kill(turn, worker);
  }
}

/** @returns when a ready worker is too old, or undefined when it never is or has been found so already. */
export function ageDueMs({ plan, phase }: ArbiterState, worker: Worker): number | undefined {
  if (plan.maxAgeMs === 0 || worker.doomed || worker.state.at !== "ready" || phase.at !== "serving") return undefined;
  return worker.state.sinceMs + plan.maxAgeMs + jitterMs(plan.maxAgeJitterMs, worker.number);
}

export function retireOfAge(turn: Turn, worker: Worker): void {
  const ageMs = worker.state.at === "ready" ? turn.nowMs - worker.state.sinceMs : 0;
  replace(turn, worker, "max-age", "info", `age_s=${(ageMs / 1000).toFixed(1)}`);
}

/** Workers that are born together get parts of the jitter that are far from each other; no chance is needed for that. */
function jitterMs(maxMs: number, number: number): number {
  return Math.floor((maxMs * (Math.imul(number, GOLDEN_WORD) >>> 0)) / WORD_VALUES);
}

function replace(turn: Turn, worker: Worker | undefined, reason: RestartReason, level: "debug" | "info", detail: string): void {
  if (worker === undefined || worker.doomed || worker.state.at !== "ready" || turn.state.phase.at !== "serving") return;
  worker.doomed = true;
  noteReason(worker, reason);
  log(turn, level, `worker has done its time, replacing it worker=${worker.number} pid=${worker.pid} ${detail}`);
}

function toMib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
