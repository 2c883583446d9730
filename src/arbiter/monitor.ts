/** What the master knows in numbers: the gateways' counters, added up, and the state of the mind, for those who look from outside. */

import { readFileSync } from "node:fs";
import type { DurationCounts } from "../control/latency.ts";
import { type Readiness, readiness } from "../lifecycle/readiness.ts";
import { type ArbiterState, isServing, type Worker } from "../lifecycle/state.ts";
import type { GatewayCounters, GatewayGauges } from "../telemetry/gateway-counters.ts";
import { DURATION_BOUNDS_S } from "../telemetry/histogram.ts";
import { Traffic } from "../telemetry/traffic.ts";
import { type AdminPage, adminPage } from "./admin-pages.ts";
import { eventName } from "./received.ts";
import type { ProcessSight, ShownWorkerState, Sight, WorkerSight } from "./sight.ts";

/** Of a `kB` in /proc. */
const BYTES_PER_KB = 1024;

/** What a monitor sees the rest of the master through. */
export interface Outlook {
  readonly state: ArbiterState;
  /** Undefined while there is none. */
  readonly nurseryPid: number | undefined;
  readonly nowMs: number;
}

export class Monitor {
  readonly #outlook: () => Outlook;
  readonly #startedS = Date.now() / 1000;
  readonly #traffic = new Traffic();
  /** Of gateways that live, by pid. */
  readonly #gauges = new Map<number, GatewayGauges>();

  constructor(outlook: () => Outlook) {
    this.#outlook = outlook;
  }

  /**
   * Takes from a gateway's messages those that the mind has no part in.
   *
   * @param answer  Sends that gateway a message.
   * @returns       false: the message is for somebody else.
   */
  takes(pid: number, message: unknown, answer: (message: object) => void): boolean {
    switch (eventName(message)) {
      case "counters":
        this.#heard(pid, message as GatewayCounters);
        return true;
      case "page": {
        const { id, name } = message as { readonly id: number; readonly name: string };
        answer({ cmd: "page", id, page: this.page(name) });
        return true;
      }
      default:
        return false;
    }
  }

  #heard(pid: number, { traffic, gauges }: GatewayCounters): void {
    this.#traffic.add(traffic);
    this.#gauges.set(pid, gauges);
  }

  /** One of the admin port's. */
  page(name: string): AdminPage | undefined {
    return adminPage(name, () => this.look());
  }

  /** What it held went with it; what it counted stays. */
  gatewayGone(pid: number): void {
    this.#gauges.delete(pid);
  }

  /** How long answers took, since the start. */
  get durations(): DurationCounts {
    return { bounds_seconds: DURATION_BOUNDS_S, counts: this.#traffic.counts.durations.counts };
  }

  /** By number: what the gateway says that has waited longest. */
  #workerLags(): Map<number, number> {
    const lags = new Map<number, number>();
    for (const { workerLagsS } of this.#gauges.values())
      for (const [worker, lagS] of workerLagsS) lags.set(worker, Math.max(lags.get(worker) ?? 0, lagS));
    return lags;
  }

  look(): Sight {
    const { state, nurseryPid, nowMs } = this.#outlook();
    const lags = this.#workerLags();
    const gateways = [...this.#gauges].map(([pid, { workerLagsS, ...gauges }]) => ({ pid, ...gauges }));
    return {
      version: state.plan.version,
      startedS: this.#startedS,
      readiness: serviceReadiness(state),
      phase: state.phase.at,
      generation: state.generation,
      reloading: state.reloading || state.reload.at !== "none",
      workersWanted: state.target,
      workers: [...state.workers.values()].map((worker) => workerSight(worker, lags.get(worker.number), nowMs)),
      gateways,
      processes: [
        processSight("arbiter", process.pid),
        ...(nurseryPid === undefined ? [] : [processSight("nursery", nurseryPid)]),
        ...gateways.map(({ pid }) => processSight("gateway", pid)),
      ],
      traffic: this.#traffic.counts,
      restarts: state.restarts,
      gatewayRestarts: state.gatewayRestarts,
      nurseryRestarts: state.nurseryRestarts,
    };
  }
}

/** As long as another master serves on the same sockets, it does not matter to clients that this one rests or leaves. */
function serviceReadiness(state: ArbiterState): Readiness {
  const own = readiness(state);
  return own.ready || state.succession.successor !== "started" ? own : { ready: true, reasons: [] };
}

function workerSight(worker: Worker, lagS: number | undefined, nowMs: number): WorkerSight {
  const { number, pid, generation, forkedMs } = worker;
  const residentBytes = pid === undefined ? undefined : residentBytesOf(pid);
  return { worker: number, pid, generation, state: shownState(worker), ageS: (nowMs - forkedMs) / 1000, residentBytes, lagS };
}

function shownState(worker: Worker): ShownWorkerState {
  switch (worker.state.at) {
    case "booting":
      return "booting";
    case "ready":
      // Loaded, and no gateway has taken notice yet.
      return isServing(worker) ? "ready" : "booting";
    case "stopping":
      return "leaving";
    default:
      return "dying";
  }
}

function processSight(role: ProcessSight["role"], pid: number): ProcessSight {
  return { role, pid, residentBytes: residentBytesOf(pid) };
}

/** @returns undefined for a process that is gone, and where there is no /proc. */
function residentBytesOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * BYTES_PER_KB;
  } catch {
    return undefined;
  }
}
