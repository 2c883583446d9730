/** Answers what comes over the control socket: asks gateways and kernel, tells the mind. What the answers look like is the room `control`. */

import type { Chronicle } from "../control/chronicle.ts";
import { BadCommand, type ControlCommand, parseCommand } from "../control/command.ts";
import { helpAnswer, type ShowTarget } from "../control/command-list.ts";
import { DIRTY_NOT_RUNNING, showAll, showConfig, showDirty, showListeners, showStats, showWorkers } from "../control/gunicorn-answers.ts";
import type { DurationCounts } from "../control/latency.ts";
import { showConnections, showExits, showQueue, showRequests, showTop, showWorker } from "../control/our-answers.ts";
import { type BornWorker, bornWorkers, type Picture, workerByPid } from "../control/picture.ts";
import type { MasterSignal } from "../lifecycle/event.ts";
import { listenerUrls } from "../lifecycle/listening.ts";
import type { LogLevel } from "../lifecycle/messages.ts";
import type { ArbiterState } from "../lifecycle/state.ts";
import type { Order } from "../lifecycle/steering.ts";
import { explainSetting, type Resolved } from "../settings/index.ts";
import type { Answer } from "./control-server.ts";
import { type AskableGateway, GatewayReports } from "./gateway-reports.ts";
import { memoryOf } from "./process-memory.ts";

/** What the desk needs of the arbiter. */
export interface DeskHands {
  readonly state: ArbiterState;
  readonly version: string;
  readonly pid: number;
  readonly resolved: () => Resolved;
  readonly gateways: () => readonly AskableGateway[];
  readonly listenerDescriptors: () => readonly number[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly signal: (name: MasterSignal) => void;
  readonly order: (order: Order) => void;
  /** To end as after TERM. */
  readonly drain: () => void;
  readonly setLogLevel: (level: LogLevel) => void;
  /** Text: where a worker's threads, tasks and greenlets are. */
  readonly askStacks: (worker: number) => Promise<string>;
  /** Of all answers since the start. */
  readonly durations: () => DurationCounts;
  readonly warn: (text: string) => void;
}

/** Which answers need to know what: gateways and kernel are asked for nothing else. */
const ASKS_GATEWAYS: ReadonlySet<ShowTarget> = new Set(["all", "workers", "top", "worker", "requests", "queue", "connections"]);
const ASKS_MEMORY: ReadonlySet<ShowTarget> = new Set(["all", "workers", "top", "worker"]);

export class ControlDesk {
  readonly #hands: DeskHands;
  readonly #chronicle: Chronicle;
  readonly reports = new GatewayReports();
  /** Called when something has happened; those who wait for a reload look whether it is over. */
  readonly #watchers = new Set<() => void>();

  constructor(hands: DeskHands, chronicle: Chronicle) {
    this.#hands = hands;
    this.#chronicle = chronicle;
  }

  /** Something has happened to the server. */
  lookAgain(): void {
    for (const look of this.#watchers) look();
  }

  async answer(line: string, args: unknown): Promise<Answer> {
    try {
      const command = parseCommand(line, args);
      if (command === undefined) return { status: "error", error: "Empty command" };
      return { status: "ok", data: await this.#carryOut(command) };
    } catch (error) {
      const { message, stack } = error as Error;
      if (error instanceof BadCommand) return { status: "error", error: `Invalid argument: ${message}` };
      if (error instanceof CommandFailed) return { status: "error", error: message };
      this.#hands.warn(`Command error\n${stack}`);
      return { status: "error", error: `Command failed: ${message}` };
    }
  }

  async #carryOut(command: ControlCommand): Promise<object> {
    switch (command.name) {
      case "help":
        return helpAnswer();
      case "show":
        return await this.#show(command.target);
      case "show-worker":
        return showWorker(await this.#picture("worker"), command.pid) ?? noWorker(command.pid);
      case "worker-add":
        return this.#addWorkers(command.count);
      case "worker-remove":
        return this.#removeWorkers(command.count);
      case "worker-kill":
        return this.#killWorker(command.pid);
      case "dirty":
        return DIRTY_NOT_RUNNING;
      case "reload":
        return command.wait ? await this.#reloadAndWait() : this.#signal("hup", { status: "reloading" });
      case "reopen":
        return this.#signal("usr1", { status: "reopening" });
      case "shutdown":
        return this.#signal(command.mode === "quick" ? "int" : "term", { status: "shutting_down", mode: command.mode });
      case "drain":
        setImmediate(() => this.#hands.drain());
        return { status: "draining" };
      case "stacks":
        return await this.#stacks(command.pid);
      case "recycle":
        return this.#recycle(command.pid);
      case "explain":
        return explainSetting(this.#hands.resolved(), command.setting);
      case "log":
        return this.#setLogLevel(command.level);
      default:
        return unreachable(command);
    }
  }

  async #show(target: Exclude<ShowTarget, "worker">): Promise<object> {
    const picture = await this.#picture(target);
    switch (target) {
      case "all":
        return showAll(picture);
      case "workers":
        return showWorkers(picture);
      case "dirty":
        return showDirty();
      case "config":
        return showConfig(picture);
      case "stats":
        return showStats(picture);
      case "listeners":
        return showListeners(picture);
      case "top":
        return showTop(picture, listenerUrls(picture.state).split(","));
      case "requests":
        return showRequests(picture);
      case "queue":
        return showQueue(picture);
      case "connections":
        return showConnections(picture);
      case "exits":
        return showExits(picture);
      default:
        return unreachable(target);
    }
  }

  async #picture(target: ShowTarget): Promise<Picture> {
    const { state, version, pid, resolved, gateways, listenerDescriptors, now } = this.#hands;
    const pids = ASKS_MEMORY.has(target) ? bornWorkers(state).map((worker) => worker.pid) : [];
    const asked = ASKS_GATEWAYS.has(target) ? gateways() : [];
    const [report, memory] = await Promise.all([this.reports.ask(asked), memoryOf(pids)]);
    return {
      nowMs: now(),
      pid,
      version,
      state,
      resolved: resolved(),
      chronicle: this.#chronicle,
      listenerDescriptors: listenerDescriptors(),
      report,
      durations: this.#hands.durations(),
      memory,
    };
  }

  #addWorkers(count: number): object {
    const { state, order } = this.#hands;
    const previous = state.target;
    order({ do: "set-workers", count: previous + count });
    return { added: state.target - previous, previous, total: state.target };
  }

  /** Never below one, as Gunicorn. */
  #removeWorkers(count: number): object {
    const { state, order } = this.#hands;
    const previous = state.target;
    order({ do: "set-workers", count: Math.max(Math.min(previous, 1), previous - count) });
    return { removed: previous - state.target, previous, total: state.target };
  }

  #killWorker(pid: number): object {
    const worker = workerByPid(this.#hands.state, pid);
    if (worker === undefined) return { success: false, error: `Worker ${pid} not found` };
    this.#hands.order({ do: "retire", worker: worker.number });
    return { success: true, killed: pid };
  }

  #recycle(pid: number): object {
    const worker = this.#worker(pid);
    this.#hands.order({ do: "recycle", worker: worker.number });
    return { recycling: pid };
  }

  async #stacks(pid: number): Promise<object> {
    const worker = this.#worker(pid);
    return { pid, stacks: await this.#hands.askStacks(worker.number) };
  }

  #worker(pid: number): BornWorker {
    return workerByPid(this.#hands.state, pid) ?? noWorker(pid);
  }

  /** Behind the answer: the last of these may be the end of this process. */
  #signal(name: MasterSignal, answer: object): object {
    setImmediate(() => this.#hands.signal(name));
    return answer;
  }

  #setLogLevel(level: LogLevel): object {
    const previous = this.#hands.resolved().settings.loglevel ?? "info";
    this.#hands.setLogLevel(level);
    return { level, previous };
  }

  async #reloadAndWait(): Promise<object> {
    const { state, now, signal } = this.#hands;
    if (state.phase.at !== "serving") throw new CommandFailed(`the server is ${state.phase.at}, it cannot reload`);
    const startMs = now();
    signal("hup");
    await this.#until(() => state.phase.at !== "serving" || (state.reload.at === "none" && !state.reloading));
    const took = Math.round(now() - startMs) / 1000;
    if (state.phase.at !== "serving") throw new CommandFailed("the server has begun to stop");
    if (state.withdrawn !== undefined) throw new CommandFailed(`reload withdrawn, ${state.withdrawn}${this.#traceback()}`);
    return { status: "reloaded", generation: state.generation, workers: state.target, seconds: took };
  }

  #traceback(): string {
    const { bootFailure } = this.#chronicle;
    return bootFailure === undefined ? "" : `\n${bootFailure.trimEnd()}`;
  }

  #until(isOver: () => boolean): Promise<void> {
    return new Promise((fulfil) => {
      const look = (): void => {
        if (!isOver()) return;
        this.#watchers.delete(look);
        fulfil();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** It was understood, and could not be done. */
class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

function noWorker(pid: number): never {
  throw new CommandFailed(`Worker ${pid} not found`);
}

function unreachable(value: never): never {
  throw new Error(`the desk has no part for ${JSON.stringify(value)}`);
}
