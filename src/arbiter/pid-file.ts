/** The pid file: `<pid>\n`, mode 0644, written aside and renamed, so that a reader never sees half of it. */

import { chmodSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export class PidFile {
  readonly path: string;
  readonly #pid: number;

  /** @throws {Error} Gunicorn's texts, when the directory is missing or another process is running on it. */
  constructor(path: string, pid: number) {
    this.path = path;
    this.#pid = pid;
    const owner = readPid(path);
    if (owner !== undefined && owner !== pid && isAlive(owner)) {
      throw new Error(`Already running on PID ${owner} (or pid file '${path}' is stale)`);
    }
    const directory = dirname(path);
    if (path.includes("/") && !isDirectory(directory)) throw new Error(`${directory} doesn't exist. Can't create pidfile.`);
    const aside = `${path}.${pid}.tmp`;
    writeFileSync(aside, `${pid}\n`, { mode: 0o644 });
    renameSync(aside, path);
    // The mode above was cut by the umask.
    chmodSync(path, 0o644);
  }

  /** Removes it, unless somebody else has written it since. */
  remove(): void {
    if (readPid(this.path) !== this.#pid) return;
    try {
      unlinkSync(this.path);
    } catch {
      // Its directory is gone or closed to us by now: nothing to do, and no reason to end otherwise.
    }
  }
}

/** @returns the pid in the file; undefined when there is none, or something else. */
function readPid(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
