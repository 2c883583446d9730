/** The contract's `counters`: what a gateway says of itself each second. */

import type { TrafficCounts } from "./traffic.ts";

/** How things are at a moment: these do not add up over time, but over the gateways of a server. */
export interface GatewayGauges {
  /** Clients' connections. */
  readonly connections: number;
  /** Requests that are not answered: being gathered, waiting, or with a worker. */
  readonly inFlight: number;
  /** Of them, those that wait in the gateway. */
  readonly queued: number;
  /** How late the event loop was, at worst, in the last second. */
  readonly lagS: number;
  /** The same for workers with an event loop, as their answers to PING tell: `[number of the worker, seconds]`. */
  readonly workerLagsS: readonly (readonly [number, number])[];
}

export interface GatewayCounters {
  /** Since the last of these messages. */
  readonly traffic: TrafficCounts;
  readonly gauges: GatewayGauges;
}
