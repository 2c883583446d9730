/** The log files that are opened at the start, with Gunicorn's message when that cannot be. */

import { chownSync, closeSync, openSync } from "node:fs";
import { isDirect, type Settings } from "../settings/index.ts";
import { compileAccessLogFormat } from "../telemetry/access-log-format.ts";
import { ErrorLog, type ErrorLogOptions } from "../telemetry/error-log.ts";

/** How Python calls the system's errors, for the text in brackets. */
const PYTHON_ERRORS: Readonly<Record<string, readonly [string, number, string]>> = {
  ENOENT: ["FileNotFoundError", 2, "No such file or directory"],
  EACCES: ["PermissionError", 13, "Permission denied"],
  EISDIR: ["IsADirectoryError", 21, "Is a directory"],
  ENOTDIR: ["NotADirectoryError", 20, "Not a directory"],
  EROFS: ["OSError", 30, "Read-only file system"],
};

/**
 * Opens the error log and makes sure that the access log, which the gateway writes, can be opened too.
 *
 * @throws {Error} `Error: '/nope/x' isn't writable [FileNotFoundError(2, 'No such file or directory')]`
 */
export function openLogs(settings: Settings, pid: number): ErrorLog {
  checkLogs(settings);
  makeLogs(settings);
  return new ErrorLog({ ...logOptions(settings), pid });
}

/** @throws {Error} as `openLogs`; also for a format that the gateway could not write by. Direct workers have their own rules. */
export function checkLogs(settings: Settings): void {
  for (const path of logFiles(settings)) checkWritable(path);
  if (settings.accesslog !== null && !isDirect(settings)) compileAccessLogFormat(settings.access_log_format ?? "", {});
}

export function logOptions({ errorlog, loglevel, log_format }: Settings): Omit<ErrorLogOptions, "pid"> {
  return { output: errorlog ?? "-", level: loglevel ?? "info", format: log_format };
}

/**
 * Makes the files that are not there, those of workers and gateway too, which may not make them where root may, and gives them to
 * the user who will have to open them again, as Gunicorn. What cannot be made is left to whoever writes it: it says so.
 */
export function makeLogs(settings: Settings): void {
  for (const path of logFiles(settings)) {
    try {
      checkWritable(path);
      chownSync(path, settings.user, settings.group);
    } catch {
      // Not ours to give away, or no file at all, /dev/null: then it is reachable as it is.
    }
  }
}

function logFiles({ accesslog, errorlog }: Settings): string[] {
  return [accesslog, errorlog].filter((path): path is string => path !== null && path !== "-");
}

function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o666));
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const known = PYTHON_ERRORS[code];
    const shown = known === undefined ? message : `${known[0]}(${known[1]}, '${known[2]}')`;
    throw new Error(`Error: '${path}' isn't writable [${shown}]`, { cause: error });
  }
}
