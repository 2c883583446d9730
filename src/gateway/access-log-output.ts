/** The access log as the settings name it, where the gateway is the one that writes it (design §8). */

import type { Settings } from "../settings/table.ts";
import { AccessLog } from "../telemetry/access-log.ts";
import { compileAccessLogFormat } from "../telemetry/access-log-format.ts";
import { LogOutput } from "./log-output.ts";

const STDOUT = 1;

/**
 * @param scriptName  SCRIPT_NAME of the environment, for `%({script_name}e)s` and PATH_INFO.
 * @param onError     A log file could not be opened again.
 * @returns           undefined when no access log is wanted (settings §5.2).
 */
export function openAccessLog(settings: Settings, scriptName: string, onError: (text: string) => void): AccessLog | undefined {
  if (settings.accesslog === null) return undefined;
  const constants = {
    script_name: scriptName,
    "wsgi.multithread": "False",
    "wsgi.multiprocess": settings.workers > 1 ? "True" : "False",
  };
  const format = compileAccessLogFormat(settings.access_log_format ?? "", constants);
  return new AccessLog(format, new LogOutput(settings.accesslog, STDOUT, onError), setImmediate);
}
