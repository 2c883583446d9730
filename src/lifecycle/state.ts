/** What the arbiter knows. Only `step` changes it; every timer in it is a moment in milliseconds, reached by `tick`. */

import { type BackOff, noBackOff } from "./back-off.ts";
import type { Command } from "./command.ts";
import type { DrainDelay } from "./drain-delay.ts";
import type { Reading } from "./event.ts";
import type { OrderedHook } from "./hooks.ts";
import type { ListenAddress, LogLevel, RequestInfo } from "./messages.ts";
import type { Rest } from "./rest.ts";
import { type LeavingReason, noRestarts, type RestartReason } from "./restarts.ts";
import type { ServiceState } from "./service-notes.ts";
import type { Succession } from "./succession.ts";

/** The settings that the mind needs, in its units. */
export interface Plan {
  /** The arbiter's pid, for `Listening at`. */
  readonly pid: number;
  /** For `Starting tunicorn x.y.z`. */
  readonly version: string;
  /** The interpreter that the nursery runs in, a path or a name on PATH: only for messages. */
  readonly python: string;
  readonly workers: number;
  /** Gateway processes. A reload does not change their number. */
  readonly gateways: number;
  /** Most workers beyond the target while old ones are replaced; 0: an old one goes before its successor is forked. */
  readonly surge: number;
  /** Silence after which a worker is killed, 0 = never. */
  readonly timeoutMs: number;
  readonly gracefulTimeoutMs: number;
  /** How long everybody is still served after TERM, before the stop begins. */
  readonly drainDelayMs: number;
  /** Time that a worker, or a mold, may take to import the application, 0 = without end. */
  readonly bootTimeoutMs: number;
  /** Age at which a worker is replaced, 0 = never; each adds a part of the jitter. */
  readonly maxAgeMs: number;
  readonly maxAgeJitterMs: number;
  readonly preload: boolean;
  /** One worker boots first and says which standard-library modules the nursery should import before it forks the others. */
  readonly warmImports: boolean;
  readonly addresses: readonly ListenAddress[];
  readonly backlog: number;
  /** TLS is on: only for the text of `Listening at`. */
  readonly tls: boolean;
  /** As `Using worker:` shows it. */
  readonly workerClass: string;
  /** Workers accept clients by themselves: there is no gateway, signals tell them what to do, and the nursery watches their heartbeat. */
  readonly direct: boolean;
  readonly daemon: boolean;
  /** A Python logger writes the log: the nursery has it. */
  readonly logsInPython: boolean;
  /** There is a configuration file or module. */
  readonly hasConfig: boolean;
  /** Those that are set of the hooks that the nursery is told to call. */
  readonly hooks: readonly OrderedHook[];
  /** The first nursery has been told to start a gateway, before the settings were read. */
  readonly gatewayUnderWay: boolean;
  /** Pid of the master that has started this one to take its place; undefined: nobody has. */
  readonly predecessor: number | undefined;
  /** This master, or the init above it, is the first process of a container. */
  readonly containerEndsWithUs: boolean;
}

export type WorkerState =
  /** Asked for; the application is not loaded yet. */
  | { readonly at: "booting" }
  /** The application is loaded. It counts as ready once the gateway knows it too (`linked`). */
  | { readonly at: "ready"; readonly sinceMs: number }
  /** The gateway saw its channel end; the nursery's report should follow at once. */
  | { readonly at: "lost"; readonly readySinceMs: number; readonly killAtMs: number }
  /** Told to leave, or leaving by itself. */
  | { readonly at: "stopping"; readonly killAtMs: number }
  /** SIGABRT was sent because of a timeout. */
  | { readonly at: "aborted"; readonly killAtMs: number; readonly booting: boolean }
  /** SIGKILL was sent. */
  | { readonly at: "killed"; readonly againAtMs: number; readonly booting: boolean };

export interface Worker {
  readonly number: number;
  readonly generation: number;
  /** It accepts clients by itself. */
  readonly direct: boolean;
  /** When the nursery was asked for it. */
  readonly forkedMs: number;
  /** Unknown until the nursery has forked it. */
  pid: number | undefined;
  /** When the nursery said that it is there; the time to boot counts from here, not while a mold still imports. */
  bornMs: number | undefined;
  state: WorkerState;
  /** Every gateway that is up counts it in; derived from `links`. */
  linked: boolean;
  /** The gateways, by index, that have its channel and count it in. */
  readonly links: Set<number>;
  /** A gateway has seen the end of its channel, and will not report it again. */
  channelEnded: boolean;
  /** Since when a gateway, by index, could have counted it in, while it has not. */
  readonly unlinkedSinceMs: Map<number, number>;
  /** Child of a nursery that is gone: nobody can tell it anything but the gateway. */
  orphan: boolean;
  /** To be replaced, although its generation is the wanted one. */
  doomed: boolean;
  /** Why it is going to be replaced, as far as that is known before its end. */
  leaving: LeavingReason | undefined;
  /** It reported a signal of its own (`signalledBy`); at this moment it is clear that the master got none. */
  signalledDueMs: number | undefined;
  signalledBy: string;
}

export type NurseryState =
  /** Started, and told everything that needs no answer. `adopts`: it takes over what its predecessor left. */
  | {
      readonly at: "starting";
      readonly sinceMs: number;
      readonly adopts: boolean;
      /** It runs the configuration, and has not said how that went. */
      readonly configuring: boolean;
    }
  | { readonly at: "up"; readonly sinceMs: number }
  | { readonly at: "down" };

export type GatewayLife =
  | { readonly at: "absent" }
  /** `gateway` was sent; the control socket has not come yet. */
  | { readonly at: "starting"; readonly sinceMs: number }
  /** The control socket is here; `up` has not come yet. */
  | { readonly at: "connected"; readonly sinceMs: number; readonly pid: number }
  | { readonly at: "up"; readonly sinceMs: number; readonly pid: number };

/** One of the gateways. All accept the same clients; each has a ticket pipe, slot memory and channels to all workers of its own. */
export interface Gateway {
  /** 0, 1, ...: its successors have the same. */
  readonly index: number;
  life: GatewayLife;
  backOff: BackOff;
  /** Where its part ends: nothing; it waits for its listeners; it finishes what it holds, until `drainDueMs`; it was told to go. */
  told: "nothing" | "hold" | "drain" | "quit";
  drainDueMs: number;
  drained: boolean;
}

/** Why and how the server ends. */
export interface Ending {
  readonly code: number;
  /** The `Reason:` line. */
  readonly reason: string | undefined;
  /** Without the lines `Shutting down: Master` and `Reason: ...`. */
  readonly silent: boolean;
}

/** Addresses that could not be bound. */
export interface BindFailure {
  /** The furthest in the list; `attempts` are counted since it was reached. */
  readonly index: number;
  readonly attempts: number;
  /** The last one, as messages show it. */
  readonly text: string;
}

/** `bind` was sent, or waits until `retryAtMs`. */
export interface BindAttempts {
  readonly failed: BindFailure | undefined;
  readonly retryAtMs: number | undefined;
}

/** The way of one SIGHUP up to the moment when its settings count. */
export type Reload =
  | { readonly at: "none" }
  /** It waits for a nursery, and for the start to be over. */
  | { readonly at: "due" }
  /** The hands read the settings. `again`: there was another SIGHUP meanwhile, and the newest wins. */
  | { readonly at: "reading"; readonly reading: number; readonly sinceMs: number; readonly again: boolean }
  /** The new addresses are being bound, beside those of now. */
  | ({ readonly at: "binding"; readonly read: Extract<Reading, { status: "ok" }> } & BindAttempts);

/** What a reload goes back to. */
export interface Fallback {
  readonly plan: Plan;
  readonly target: number;
}

export type Phase =
  | ({ readonly at: "binding" } & BindAttempts)
  | { readonly at: "serving" }
  | {
      readonly at: "stopping";
      /** unlisten: the nursery closes its listeners; drain: the gateway finishes; workers: they leave; processes: gateway and nursery leave. */
      readonly step: "unlisten" | "drain" | "workers" | "processes";
      readonly quick: boolean;
      /** Patience for this step; `forced`: what comes after SIGKILL. */
      readonly deadlineMs: number;
      readonly forced: boolean;
      readonly ending: Ending;
    }
  | { readonly at: "exited" };

export interface ArbiterState {
  plan: Plan;
  reload: Reload;
  /** Readings of the settings so far. */
  readings: number;
  /** Plan and target of the proven generation, while a newer one has not been proven. */
  fallback: Fallback | undefined;
  phase: Phase;
  nursery: NurseryState;
  nurseryBackOff: BackOff;
  /** A successor did not survive the configuration: the next one does without it. */
  configEndsNursery: boolean;
  /** Some nursery has said hello. */
  nurseryProven: boolean;
  readonly gateways: readonly Gateway[];
  /** Some gateway has been up. */
  gatewayProven: boolean;
  /** Bound sockets, whose handles the hands keep, as the kernel names them. */
  listeners: readonly ListenAddress[];
  /** The addresses that `listeners` were asked for by. */
  listening: readonly ListenAddress[];
  /** The addresses of every `bind` whose answer has not come. Only the last one has consequences. */
  binds: (readonly ListenAddress[])[];
  /** `listening` events of the answer that is coming in. */
  heard: ListenAddress[];
  unlistened: boolean;
  readonly workers: Map<number, Worker>;
  /** Highest worker number given out; never used twice. */
  lastWorker: number;
  target: number;
  /** The wanted generation. */
  generation: number;
  /** Highest generation given out. */
  lastGeneration: number;
  /** The newest generation of which a worker has been ready; undefined: none ever was. */
  provenGeneration: number | undefined;
  /** A reload is under way. */
  reloading: boolean;
  /** Why the last reload has come to nothing; undefined: it has not, or it is not over. */
  withdrawn: string | undefined;
  workerBackOff: BackOff;
  /** When the master last got each signal. */
  readonly signalsMs: Map<string, number>;
  /** The nursery has imported what the scout reported. */
  warmed: boolean;
  /** Last number in Gunicorn's debug line `N workers`. */
  reportedWorkers: number | undefined;
  readonly succession: Succession;
  /** WINCH: on the way to no workers. There, `target` is 0. */
  rest: Rest | undefined;
  /** TERM has come, and the stop has not begun yet. */
  drainDelay: DrainDelay | undefined;
  /** What a service manager has been told. */
  serviceState: ServiceState;
  /** The wanted generation before the reload that it was told of. */
  settledGeneration: number;
  /** Workers that others have taken the place of, by reason. */
  readonly restarts: Record<RestartReason, number>;
  gatewayRestarts: number;
  nurseryRestarts: number;
}

/** One call of `step`: the state, the moment, and the commands so far. */
export interface Turn {
  readonly state: ArbiterState;
  readonly nowMs: number;
  readonly out: Command[];
}

/** The state before `begin`: a nursery has been started, nothing has been said to it. */
export function createState(plan: Plan, nowMs: number): ArbiterState {
  return {
    plan,
    reload: { at: "none" },
    readings: 0,
    fallback: undefined,
    phase: { at: "binding", failed: undefined, retryAtMs: undefined },
    nursery: { at: "starting", sinceMs: nowMs, adopts: false, configuring: false },
    configEndsNursery: false,
    nurseryBackOff: noBackOff(),
    nurseryProven: false,
    gateways: Array.from({ length: plan.gateways }, (_, index) => createGateway(index, plan, nowMs)),
    gatewayProven: false,
    listeners: [],
    listening: [],
    binds: [],
    heard: [],
    unlistened: false,
    workers: new Map(),
    lastWorker: 0,
    target: plan.workers,
    generation: 0,
    lastGeneration: 0,
    provenGeneration: undefined,
    reloading: false,
    withdrawn: undefined,
    workerBackOff: noBackOff(),
    signalsMs: new Map(),
    warmed: false,
    reportedWorkers: undefined,
    succession: { predecessor: plan.predecessor, successor: "none", termHeld: false },
    rest: undefined,
    drainDelay: undefined,
    serviceState: "silent",
    settledGeneration: 0,
    restarts: noRestarts(),
    gatewayRestarts: 0,
    nurseryRestarts: 0,
  };
}

function createGateway(index: number, plan: Plan, nowMs: number): Gateway {
  // The one that was started early is the first.
  const isUnderWay = index === 0 && plan.gatewayUnderWay && !plan.direct;
  return {
    index,
    life: isUnderWay ? { at: "starting", sinceMs: nowMs } : { at: "absent" },
    backOff: noBackOff(),
    told: "nothing",
    drainDueMs: Number.POSITIVE_INFINITY,
    drained: false,
  };
}

/** Its control socket is there: it can be told something. */
export function isLive({ life }: Gateway): boolean {
  return life.at === "connected" || life.at === "up";
}

/** Some gateway lives that has not finished with its clients. */
export function hasUndrained({ gateways }: ArbiterState): boolean {
  return gateways.some((gateway) => isLive(gateway) && !gateway.drained);
}

/** Neither told to leave nor known to be leaving. Of these there are never more than `staffMax`. */
export function isStaying(worker: Worker): boolean {
  return worker.state.at === "booting" || worker.state.at === "ready" || worker.state.at === "lost";
}

/** Takes requests: loaded, and known to the gateways. */
export function isReady(worker: Worker): boolean {
  return worker.state.at === "ready" && worker.linked;
}

/** Takes requests of some gateway, if not of all. */
export function isServing(worker: Worker): boolean {
  return worker.state.at === "ready" && (worker.direct ? worker.linked : worker.links.size > 0);
}

/** Of the wanted generation, and not to be replaced. */
export function isCurrent(state: ArbiterState, worker: Worker): boolean {
  return worker.generation === state.generation && !worker.doomed && !worker.orphan;
}

/** Workers that may be there while old ones are replaced: one more than the target at least where accepting itself changes hands. */
export function staffMax(state: ArbiterState): number {
  const changes = [...state.workers.values()].some((worker) => isStaying(worker) && worker.direct !== state.plan.direct);
  return state.target + (changes ? Math.max(1, state.plan.surge) : state.plan.surge);
}

export function log(turn: Turn, level: LogLevel, text: string): void {
  turn.out.push({ do: "log", level, text });
}

/** @returns `method=GET target=/slow id=7 age_s=30.1`, the shape in which our lines name a request. */
export function describeRequest(request: RequestInfo): string {
  return `method=${request.method} target=${request.target} id=${request.requestId ?? request.id} age_s=${(request.ageMs / 1000).toFixed(1)}`;
}
