/** Everything the bench measures, with the unit in the name. */
export const METRICS = {
  "requests/s": { better: "higher", decimals: 0 },
  "messages/s": { better: "higher", decimals: 0 },
  "p50 us": { better: "lower", decimals: 0 },
  "p90 us": { better: "lower", decimals: 0 },
  "p99 us": { better: "lower", decimals: 0 },
  "start ms": { better: "lower", decimals: 0 },
  "KB/connection": { better: "lower", decimals: 1 },
  /** Requests a second while many connections are idle, divided by those without them. */
  "busy ratio": { better: "higher", decimals: 2 },
  "PSS MB": { better: "lower", decimals: 1 },
} as const;

export type MetricName = keyof typeof METRICS;

export type MetricValues = Partial<Record<MetricName, number>>;

/** What one server did in one round of one scenario. */
export interface Sample {
  readonly scenario: string;
  readonly server: string;
  /** Counted from 0. */
  readonly round: number;
  /** Empty when the server did not start. */
  readonly values: MetricValues;
  /** What went wrong: not started, answers other than 2xx, socket errors, processes left behind. One line each. */
  readonly failures: readonly string[];
}
