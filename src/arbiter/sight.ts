/** What is to be seen of a server at one moment. */

import type { Readiness } from "../lifecycle/readiness.ts";
import type { GatewayGauges } from "../telemetry/gateway-counters.ts";
import type { TrafficCounts } from "../telemetry/traffic.ts";

export type ShownWorkerState = "booting" | "ready" | "leaving" | "dying";

export interface WorkerSight {
  readonly worker: number;
  readonly pid: number | undefined;
  readonly generation: number;
  readonly state: ShownWorkerState;
  readonly ageS: number;
  readonly residentBytes: number | undefined;
  /** Only of workers with an event loop. */
  readonly lagS: number | undefined;
}

/** Arbiter, nursery or gateway. */
export interface ProcessSight {
  readonly role: "arbiter" | "nursery" | "gateway";
  readonly pid: number;
  readonly residentBytes: number | undefined;
}

export interface GatewaySight extends Omit<GatewayGauges, "workerLagsS"> {
  readonly pid: number;
}

/** Everything at one moment. */
export interface Sight {
  readonly version: string;
  readonly startedS: number;
  readonly readiness: Readiness;
  readonly phase: string;
  readonly generation: number;
  readonly reloading: boolean;
  readonly workersWanted: number;
  readonly workers: readonly WorkerSight[];
  readonly gateways: readonly GatewaySight[];
  readonly processes: readonly ProcessSight[];
  readonly traffic: TrafficCounts;
  readonly restarts: Readonly<Record<string, number>>;
  readonly gatewayRestarts: number;
  readonly nurseryRestarts: number;
}
