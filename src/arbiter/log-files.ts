/** The log files that are opened at the start, with Gunicorn's message when that cannot be. */

import { chownSync, closeSync, openSync } from "node:fs";
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

/** The master's log, and its care for the files of processes that run as another user. */
export interface MasterLogs {
  readonly log: ErrorLog;
  /** Opens the log again. Files that are gone are made first, the gateway's too, which may not make them where root may. */
  reopen(): void;
}

/**
 * Opens the error log and makes sure that the access log, which the gateway writes, can be opened too.
 *
 * @throws {Error} `Error: '/nope/x' isn't writable [FileNotFoundError(2, 'No such file or directory')]`
 */
export function openLogs(settings: Settings, pid: number): MasterLogs {
  const { accesslog, errorlog, loglevel } = settings;
  const files = [accesslog, errorlog].filter((path): path is string => path !== null && path !== "-");
  for (const path of files) checkWritable(path);
  for (const path of files) giveAway(path, settings);
  const log = new ErrorLog({ output: errorlog ?? "-", level: loglevel ?? "info", pid });
  return {
    log,
    reopen: () => {
      for (const path of files) makeFor(path, settings);
      log.reopen();
    },
  };
}

function makeFor(path: string, settings: Settings): void {
  try {
    checkWritable(path);
  } catch {
    return; // Whoever writes it says so, and goes on with the old file.
  }
  giveAway(path, settings);
}

/** To the user who will have to open it again, as Gunicorn. */
function giveAway(path: string, { user, group }: Settings): void {
  if (user === null || group === null) return;
  try {
    chownSync(path, user, group);
  } catch {
    // Not ours to give away, or no file at all, /dev/null: then it is reachable as it is.
  }
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
