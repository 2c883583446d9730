/** The metrics of requests for statsD, as the settings want them. */

import { type StatsdTarget, statsdTarget } from "../settings/statsd.ts";
import type { Settings } from "../settings/table.ts";
import type { ErrorLogLevel } from "../telemetry/error-log.ts";
import { StatsdFormat } from "../telemetry/statsd.ts";
import { StatsdPipe } from "../telemetry/statsd-pipe.ts";

const COUNTED_LEVELS: ReadonlySet<ErrorLogLevel> = new Set(["warning", "error", "critical"]);

export class StatsdOutput {
  readonly #onError: (text: string) => void;
  #format: StatsdFormat | undefined;
  #pipe: StatsdPipe | undefined;
  #address = "";

  /** @param onError  Told seldom that something cannot be sent. */
  constructor(onError: (text: string) => void) {
    this.#onError = onError;
  }

  /** Follows the settings. @param python  The Python half: an interpreter, and its program. */
  change(settings: Settings, python: readonly string[]): void {
    const target = statsdTarget(settings);
    this.#format = target && new StatsdFormat(target.prefix, target.tags);
    const address = target === undefined ? "" : addressOf(target);
    if (address === this.#address) return;
    this.#address = address;
    this.#pipe?.close();
    const [interpreter = "", ...program] = python;
    // Without site-packages it starts sooner, and needs none.
    this.#pipe = target && new StatsdPipe([interpreter, "-I", "-S", ...program, "statsd", address], this.#onError);
  }

  /** @param status  As the access log has it. */
  request(status: number, durationMs: number): void {
    if (this.#format !== undefined) this.#pipe?.add(this.#format.request(status, durationMs * 1000));
  }

  /** A line of the error log. */
  line(level: ErrorLogLevel): void {
    if (this.#format !== undefined && COUNTED_LEVELS.has(level)) this.#pipe?.add(this.#format.count(`gunicorn.log.${level}`));
  }

  /** What is held is given away; call it before exit. */
  flush(): void {
    this.#pipe?.flush();
  }
}

/** As the program wants it: JSON of a path, or of host and port. */
function addressOf({ address }: StatsdTarget): string {
  return JSON.stringify(address.kind === "unix" ? address.path : [address.host, address.port]);
}
