/** The access log as the settings name it, where the gateway is the one that writes it (design §8). */

import type { Settings } from "../settings/table.ts";
import { AccessLog } from "../telemetry/access-log.ts";
import { compileAccessLogFormat } from "../telemetry/access-log-format.ts";
import { LogOutput } from "./log-output.ts";

const STDOUT = 1;

/** The access log of now, and where it goes. */
export class AccessLogOutput {
  #log: AccessLog | undefined;
  #output: LogOutput | undefined;
  #target: string | null = null;

  get log(): AccessLog | undefined {
    return this.#log;
  }

  /** Follows the settings. A file that cannot be opened is told, and the log of before goes on. */
  change(settings: Settings, scriptName: string, onError: (text: string) => void): void {
    try {
      const output = settings.accesslog === this.#target ? this.#output : openOutput(settings, onError);
      this.#log?.flush();
      if (output !== this.#output) this.#output?.close();
      this.#output = output;
      this.#target = settings.accesslog;
      this.#log = output && new AccessLog(formatOf(settings, scriptName), output, setImmediate);
    } catch (error) {
      onError(`cannot open the access log ${settings.accesslog}: ${(error as Error).message}`);
    }
  }
}

/** @returns undefined when no access log is wanted (settings §5.2). */
function openOutput({ accesslog, gateways }: Settings, onError: (text: string) => void): LogOutput | undefined {
  return accesslog === null ? undefined : new LogOutput(accesslog, STDOUT, onError, gateways > 1);
}

/** @param scriptName  SCRIPT_NAME of the environment, for `%({script_name}e)s` and PATH_INFO. */
function formatOf(settings: Settings, scriptName: string) {
  return compileAccessLogFormat(settings.access_log_format ?? "", {
    script_name: scriptName,
    "wsgi.multithread": "False",
    "wsgi.multiprocess": settings.workers > 1 ? "True" : "False",
  });
}
