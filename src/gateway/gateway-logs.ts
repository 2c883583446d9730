/** What the gateway writes: its error log, a line for each request, and statsD's metrics of both, as the settings want them (design §8). */

import type { Completion } from "../request/exchange.ts";
import { accessInPython, logsInPython } from "../settings/log-writer.ts";
import type { Settings } from "../settings/table.ts";
import { ErrorLog, type ErrorLogLevel, type ErrorLogOptions } from "../telemetry/error-log.ts";
import { AccessLogOutput } from "./access-log-output.ts";
import type { TimeLimit } from "./limits-from-settings.ts";
import type { LoggedExchange } from "./logged-exchange.ts";
import { type NurseryChannel, NurseryLog } from "./nursery-log.ts";
import { StatsdOutput } from "./statsd-output.ts";

const MS_PER_SECOND = 1000;

export class GatewayLogs {
  readonly #errorLog: ErrorLog;
  readonly #access = new AccessLogOutput();
  readonly #statsd: StatsdOutput;
  readonly #nurseryLog: NurseryLog;
  /** Workers write the access log, with a Python logger. */
  #accessInPython = false;

  /**
   * @param scriptName  SCRIPT_NAME of the environment: the mount point.
   * @param nursery     Where Python's loggers are asked to write.
   */
  constructor(settings: Settings, scriptName: string, nursery: NurseryChannel) {
    this.#errorLog = new ErrorLog({ ...errorLogOf(settings), pid: process.pid });
    this.#statsd = new StatsdOutput((text) => {
      // Without being counted, which would have to be sent as well.
      this.#errorLog.onLine = undefined;
      this.warn(`Error sending message to statsd: ${text}`);
      this.#countLines();
    });
    this.#nurseryLog = new NurseryLog(nursery);
    this.#follow(settings, scriptName);
  }

  /** A reload: lines follow the new settings, files are opened anew. */
  change(settings: Settings, scriptName: string): void {
    const failure = this.#errorLog.change(errorLogOf(settings));
    if (failure !== undefined) this.#errorLog.write("error", failure);
    this.#follow(settings, scriptName);
    this.reopen();
  }

  #follow(settings: Settings, scriptName: string): void {
    this.#access.change(settings, scriptName, (text) => this.warn(text));
    this.#nurseryLog.scriptName = scriptName;
    this.#accessInPython = accessInPython(settings);
    this.#errorLog.relay = logsInPython(settings) ? (level, text) => this.#nurseryLog.line(level, text) : undefined;
  }

  /** @param python  The Python half, which sends the metrics: an interpreter, and its program. */
  followStatsd(settings: Settings, python: readonly string[]): void {
    this.#statsd.change(settings, python);
    this.#countLines();
  }

  #countLines(): void {
    this.#errorLog.onLine = (level) => this.#statsd.line(level);
  }

  reopen(): void {
    this.#errorLog.reopen();
    this.#access.log?.reopen();
  }

  /** What is held is given away; call it before exit. */
  flush(): void {
    this.#access.log?.flush();
    this.#statsd.flush();
  }

  /** An exchange is over. */
  request(exchange: LoggedExchange, durationMs: number): void {
    this.#statsd.request(exchange.status, durationMs);
    const durationUs = durationMs * 1000;
    if (this.#accessInPython) {
      const { head, status, bodyBytes, fieldLines } = exchange;
      const completion = { head, status, bodyBytes, fieldLines, durationUs };
      if (exchange.completionTaker?.completed(completion) !== true) this.#nurseryLog.access(completion);
      return;
    }
    this.#access.log?.add({
      head: exchange.head,
      status: exchange.status,
      bodyBytes: exchange.bodyBytes,
      durationUs,
      responseFieldLines: exchange.fieldLines,
      workerPid: exchange.workerPid ?? process.pid,
      finishedMs: Date.now(),
      arrivedMs: exchange.arrivedMs,
      startedMs: exchange.startedMs,
      generation: exchange.workerGeneration,
    });
  }

  /** A request that a worker was to log, and none can. */
  unclaimed(completion: Completion): void {
    this.#nurseryLog.access(completion);
  }

  write(level: ErrorLogLevel, text: string): void {
    this.#errorLog.write(level, text);
  }

  warn(text: string): void {
    this.#errorLog.write("warning", text);
  }

  /** Slow clients are the network's business, a queue that is too long is the operator's; idle connections are nobody's. */
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void {
    const level = limit === "queue-timeout" ? "warning" : limit === "idle-timeout" ? "debug" : "info";
    this.#errorLog.write(level, `limit reached limit=${limit} seconds=${limitMs / MS_PER_SECOND} ip=${remoteAddress}`);
  }

  /** An error that should not have been possible. */
  fault(error: unknown): void {
    this.#errorLog.write("error", `gateway fault ${describeError(error)}`);
  }
}

/** @returns An error with its stack, for a log. */
export function describeError(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}

function errorLogOf({ errorlog, loglevel, log_format }: Settings): Omit<ErrorLogOptions, "pid"> {
  return { output: errorlog ?? "-", level: loglevel ?? "info", format: log_format };
}
