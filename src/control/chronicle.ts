/** What has happened to the server so far, as far as somebody may ask later: the mind itself keeps only what it needs for its decisions. */

import type { Command } from "../lifecycle/command.ts";
import { endCause } from "../lifecycle/end-cause.ts";
import type { ArbiterEvent } from "../lifecycle/event.ts";
import { describeStatus } from "../lifecycle/exit-report.ts";
import type { ExitStatus } from "../lifecycle/messages.ts";
import type { ArbiterState, WorkerState } from "../lifecycle/state.ts";

/** Enough for a restart of all workers of a large server, and for what came before it. */
const EXITS_KEPT = 50;
/** The nursery's commands that send a worker away. */
const SENDS_AWAY: ReadonlySet<string> = new Set(["stop", "dismiss", "quit", "abort", "kill"]);

/** A worker that has ended. */
export interface WorkerExit {
  readonly worker: number;
  readonly pid: number;
  readonly generation: number;
  readonly atMs: number;
  /** `"reload"`, `"timeout"`, `"cause=out-of-memory"`, ... */
  readonly reason: string;
  /** `"code=3"`, `"signal=SIGKILL"` */
  readonly status: string;
  /** What the log has said last of why it goes: a timeout's request, the requests that it had done. */
  readonly detail: string | undefined;
}

/** A worker as it was after the last event. */
interface Remembered {
  readonly generation: number;
  readonly at: WorkerState["at"];
  readonly doomed: boolean;
  /** It has been aborted; it may have been killed since. */
  readonly timedOut: boolean;
}

export class Chronicle {
  readonly startedMs: number;
  /** Workers forked. */
  spawned = 0;
  /** Workers sent away by the master, each once. */
  killed = 0;
  /** The newest first. */
  readonly exits: WorkerExit[] = [];
  /** Traceback of the last worker, or mold, that could not be loaded since the last reload began. */
  bootFailure: string | undefined;
  readonly #workers = new Map<number, Remembered>();
  readonly #sentAway = new Set<number>();
  readonly #details = new Map<number, string>();
  #generation = 0;

  constructor(startedMs: number) {
    this.startedMs = startedMs;
  }

  /** Call after every step. @param state  After it. @param commands  What came of it. */
  note(event: ArbiterEvent, commands: readonly Command[], state: ArbiterState): void {
    if (state.generation > this.#generation) {
      this.#generation = state.generation;
      this.bootFailure = undefined;
    }
    for (const command of commands) this.#noteCommand(command);
    if (event.type === "nursery-said") this.#noteNursery(event, state);
    for (const number of this.#workers.keys()) if (!state.workers.has(number)) this.#forget(number);
    for (const { number, generation, state: now, doomed } of state.workers.values()) {
      const timedOut = now.at === "aborted" || this.#workers.get(number)?.timedOut === true;
      this.#workers.set(number, { generation, at: now.at, doomed, timedOut });
    }
  }

  #noteCommand(command: Command): void {
    if (command.do === "read-settings") {
      this.bootFailure = undefined;
    } else if (command.do === "log") {
      const worker = /^worker .* worker=(\d+)(?: |$)/.exec(command.text.split("\n", 1)[0] ?? "")?.[1];
      if (worker !== undefined && command.level !== "debug") this.#details.set(Number(worker), command.text);
    } else if (command.do === "tell-nursery" && "worker" in command.message && SENDS_AWAY.has(command.message.cmd)) {
      const { worker } = command.message;
      if (!this.#sentAway.has(worker)) this.killed += 1;
      this.#sentAway.add(worker);
    }
  }

  #noteNursery({ said, nowMs }: Extract<ArbiterEvent, { type: "nursery-said" }>, state: ArbiterState): void {
    if (said.ev === "forked") this.spawned += 1;
    if (said.ev === "boot-failed") this.bootFailure = said.text;
    if (said.ev !== "exited") return;
    const { worker, pid, status, outOfMemory } = said;
    const before = this.#workers.get(worker);
    if (before === undefined || pid === 0) return;
    const reason = reasonOf(before, status, outOfMemory, state);
    const exit = { worker, pid, generation: before.generation, atMs: nowMs, reason, status: describeStatus(status) };
    this.exits.unshift({ ...exit, detail: this.#details.get(worker) });
    this.exits.length = Math.min(this.exits.length, EXITS_KEPT);
  }

  #forget(number: number): void {
    this.#workers.delete(number);
    this.#sentAway.delete(number);
    this.#details.delete(number);
  }
}

function reasonOf(worker: Remembered, status: ExitStatus, outOfMemory: boolean | undefined, state: ArbiterState): string {
  const { at, doomed, generation, timedOut } = worker;
  if (timedOut) return "timeout";
  switch (at) {
    case "booting":
      return "did not boot";
    case "killed":
      return "killed";
    case "stopping":
      if (state.phase.at === "stopping") return "shutdown";
      if (doomed) return "replaced";
      return generation < state.generation ? "reload" : "told to leave";
    default:
      return endCause(status, false, outOfMemory)?.replace(/^cause=/, "") ?? "left by itself";
  }
}
