/** The pid file: `<pid>\n`, mode 0644, written aside and renamed, so that a reader never sees half of it. */

import { chmodSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Behind the name of a master, and of its pid file, while another master has the plain one. */
export const SUCCESSOR_SUFFIX = ".2";

export class PidFile {
  #path: string;
  readonly #pid: number;

  /**
   * @param isSuccessor  This master was started beside another one: its file has another name until `promote`.
   * @throws {Error} Gunicorn's texts, when the directory is missing or another process is running on it.
   */
  constructor(path: string, pid: number, isSuccessor = false) {
    this.#path = isSuccessor ? path + SUCCESSOR_SUFFIX : path;
    this.#pid = pid;
    this.#write(this.#path);
  }

  get path(): string {
    return this.#path;
  }

  /** Takes the plain name. @throws {Error} as the constructor. */
  promote(): void {
    if (!this.#path.endsWith(SUCCESSOR_SUFFIX)) return;
    const path = this.#path.slice(0, -SUCCESSOR_SUFFIX.length);
    this.#write(path);
    this.remove();
    this.#path = path;
  }

  #write(path: string): void {
    const pid = this.#pid;
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
    if (readPid(this.#path) !== this.#pid) return;
    try {
      unlinkSync(this.#path);
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
