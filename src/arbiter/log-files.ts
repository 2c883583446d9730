/** The log files that are opened at the start, with Gunicorn's message when that cannot be. */

import { closeSync, openSync } from "node:fs";
import type { Settings } from "../settings/index.ts";
import { ErrorLog } from "../telemetry/error-log.ts";

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
  const { accesslog, errorlog, loglevel } = settings;
  if (accesslog !== null && accesslog !== "-") checkWritable(accesslog);
  const output = errorlog ?? "-";
  if (output !== "-") checkWritable(output);
  return new ErrorLog({ output, level: loglevel ?? "info", pid });
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
