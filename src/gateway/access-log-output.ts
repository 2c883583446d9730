/** The access log as the settings name it, where the gateway is the one that writes it (design §8). */

import { logsInPython } from "../settings/log-writer.ts";
import type { Settings } from "../settings/table.ts";
import { AccessLog } from "../telemetry/access-log.ts";
import { compileAccessLogFormat } from "../telemetry/access-log-format.ts";
import { formatJsonAccessLine } from "../telemetry/json-lines.ts";
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
      const target = targetOf(settings);
      const output = target === this.#target ? this.#output : openOutput(target, settings.gateways, onError);
      this.#log?.flush();
      if (output !== this.#output) this.#output?.close();
      this.#output = output;
      this.#target = target;
      this.#log = output && new AccessLog(formatOf(settings, scriptName), output, setImmediate);
    } catch (error) {
      onError(`cannot open the access log ${settings.accesslog}: ${(error as Error).message}`);
    }
  }
}

/** @returns null when the gateway is to write none: nobody does, or a Python logger. */
function targetOf(settings: Settings): string | null {
  const { accesslog, errorlog, capture_output } = settings;
  if (logsInPython(settings)) return null;
  // What would go to stdout goes to the error log then, as with Gunicorn.
  return accesslog === "-" && capture_output === true && errorlog !== null ? errorlog : accesslog;
}

function openOutput(target: string | null, gateways: number, onError: (text: string) => void): LogOutput | undefined {
  return target === null ? undefined : new LogOutput(target, STDOUT, onError, gateways > 1);
}

/** @param scriptName  SCRIPT_NAME of the environment, for `%({script_name}e)s` and PATH_INFO. */
function formatOf(settings: Settings, scriptName: string) {
  if (settings.log_format === "json") return formatJsonAccessLine;
  return compileAccessLogFormat(settings.access_log_format ?? "", {
    script_name: scriptName,
    "wsgi.multithread": "False",
    "wsgi.multiprocess": settings.workers > 1 ? "True" : "False",
  });
}
