/** Gives the gateway's counters to the arbiter, each second and at the end, and measures how late the event loop is. */

import type { GatewayCounters, GatewayGauges } from "../telemetry/gateway-counters.ts";
import type { Traffic } from "../telemetry/traffic.ts";

/** A gateway that is killed takes its counters since the last report with it. */
const REPORT_MS = 1000;
/** Timers are this late in a process that has nothing to do. */
const LAG_NOISE_MS = 5;

/** What the gateway sees of itself at this moment. */
export type GaugesNow = Omit<GatewayGauges, "lagS" | "workerLagsS"> & {
  /** `[number of the worker, milliseconds]` */
  readonly workerLagsMs: readonly (readonly [number, number])[];
};

export class CounterReports {
  readonly #traffic: Traffic;
  readonly #gauges: () => GaugesNow;
  readonly #send: (counters: GatewayCounters) => void;
  readonly #periodMs: number;
  #tickedMs: number | undefined;
  #reportedMs: number;
  #worstLagMs = 0;
  #lastSent = "";

  /** @param periodMs  Between two calls of `tick`, if the event loop is in time. */
  constructor(
    traffic: Traffic,
    gauges: () => GaugesNow,
    send: (counters: GatewayCounters) => void,
    { periodMs, nowMs }: { readonly periodMs: number; readonly nowMs: number },
  ) {
    this.#traffic = traffic;
    this.#gauges = gauges;
    this.#send = send;
    this.#periodMs = periodMs;
    this.#reportedMs = nowMs;
  }

  /** Called all the time. */
  tick(nowMs: number): void {
    this.#worstLagMs = Math.max(this.#worstLagMs, nowMs - (this.#tickedMs ?? nowMs) - this.#periodMs);
    this.#tickedMs = nowMs;
    if (nowMs - this.#reportedMs < REPORT_MS) return;
    this.#reportedMs = nowMs;
    this.report();
  }

  /** Says what there is to say: where nothing happens nobody is woken for it. */
  report(): void {
    const { workerLagsMs, ...gauges } = this.#gauges();
    const workerLagsS = workerLagsMs.map(([worker, lagMs]) => [worker, lagSeconds(lagMs)] as const);
    const counters = { traffic: this.#traffic.take(), gauges: { ...gauges, lagS: lagSeconds(this.#worstLagMs), workerLagsS } };
    this.#worstLagMs = 0;
    const text = JSON.stringify(counters);
    // Increments that are equal twice in a row are none at all, or they count.
    if (text === this.#lastSent && !counts(counters)) return;
    this.#lastSent = text;
    this.#send(counters);
  }
}

function counts({ traffic }: GatewayCounters): boolean {
  const { requests, waits, connections, receivedBytes, sentBytes } = traffic;
  const numbers = [...requests, ...waits.counts, connections, receivedBytes, sentBytes];
  return numbers.some((number) => number > 0);
}

function lagSeconds(lagMs: number): number {
  return lagMs < LAG_NOISE_MS ? 0 : Math.round(lagMs) / 1000;
}
