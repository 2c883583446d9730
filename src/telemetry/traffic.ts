/**
 * What a server has done for its clients, in numbers. A gateway counts and gives its increments away each second; the arbiter adds
 * them up, so that the sums outlive every gateway.
 */

import { Histogram, type HistogramCounts } from "./histogram.ts";

/** Classes of status codes by their first digit; 0 is for none. */
export const STATUS_CLASSES = 6;

/** Increments, or sums, as they travel between processes. */
export interface TrafficCounts {
  /** Answered requests by the first digit of their status. */
  readonly requests: readonly number[];
  /** From a request's head to the end of its answer. */
  readonly durations: HistogramCounts;
  /** What requests waited for a worker. */
  readonly waits: HistogramCounts;
  readonly connections: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export class Traffic {
  /** Plain text, behind TLS. */
  receivedBytes = 0;
  sentBytes = 0;
  connections = 0;
  readonly #requests = new Float64Array(STATUS_CLASSES);
  readonly #durations = new Histogram();
  readonly #waits = new Histogram();

  /** A request is over. @param status  As the access log has it. */
  answered(status: number, durationMs: number): void {
    const digit = Math.trunc(status / 100);
    this.#requests[digit < STATUS_CLASSES ? digit : 0]!++;
    this.#durations.observe(durationMs / 1000);
  }

  /** A request has waited for a worker, and waits no more. */
  waited(durationMs: number): void {
    this.#waits.observe(durationMs / 1000);
  }

  get counts(): TrafficCounts {
    return {
      requests: Array.from(this.#requests),
      durations: this.#durations.counts,
      waits: this.#waits.counts,
      connections: this.connections,
      receivedBytes: this.receivedBytes,
      sentBytes: this.sentBytes,
    };
  }

  /** Adds another's. */
  add(other: TrafficCounts): void {
    for (const [digit, count] of other.requests.slice(0, STATUS_CLASSES).entries()) this.#requests[digit]! += count;
    this.#durations.add(other.durations);
    this.#waits.add(other.waits);
    this.connections += other.connections;
    this.receivedBytes += other.receivedBytes;
    this.sentBytes += other.sentBytes;
  }

  /** @returns what has been counted since the last call. */
  take(): TrafficCounts {
    const { counts } = this;
    this.#requests.fill(0);
    this.#durations.clear();
    this.#waits.clear();
    this.connections = this.receivedBytes = this.sentBytes = 0;
    return counts;
  }
}
