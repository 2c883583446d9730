/** The master's own metrics for statsD: lines of its log by level, and the number of workers. The nursery sends them, for Node knows no unix datagrams. */

import { type Settings, statsdTarget } from "../settings/index.ts";
import type { ErrorLogLevel } from "../telemetry/error-log.ts";
import { StatsdFormat } from "../telemetry/statsd.ts";

const COUNTED_LEVELS: ReadonlySet<ErrorLogLevel> = new Set(["warning", "error", "critical"]);

export class MasterMetrics {
  readonly #send: (message: object) => void;
  #format: StatsdFormat | undefined;

  /** @param send  Sends the nursery a message. */
  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  /** Follows the settings. */
  change(settings: Settings): void {
    const target = statsdTarget(settings);
    this.#format = target && new StatsdFormat(target.prefix, target.tags);
  }

  /** A line of the master's log. */
  line(level: ErrorLogLevel): void {
    if (this.#format !== undefined && COUNTED_LEVELS.has(level)) this.#give(this.#format.count(`gunicorn.log.${level}`));
  }

  gauge(name: string, value: number): void {
    if (this.#format !== undefined) this.#give(this.#format.gauge(name, value));
  }

  #give(line: string): void {
    this.#send({ cmd: "metrics", datagrams: [line.trimEnd()] });
  }
}
