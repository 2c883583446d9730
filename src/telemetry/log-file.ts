/** Where log lines go: a standard stream, or a file in append mode that is opened again after a rotation. */

import { closeSync, openSync } from "node:fs";

/** What the umask leaves of it, as for every file that a program makes without a reason of its own. */
const FILE_MODE = 0o666;

export class LogFile {
  readonly #path: string | undefined;
  #fd: number;

  /**
   * @param target    `"-"` for the standard stream, else a path.
   * @param streamFd  1 or 2.
   * @throws {Error} with the system's code when the file cannot be opened.
   */
  constructor(target: string, streamFd: number) {
    this.#path = target === "-" ? undefined : target;
    this.#fd = this.#path === undefined ? streamFd : openSync(this.#path, "a", FILE_MODE);
  }

  /** To be asked for each time: it changes with `reopen`. */
  get fd(): number {
    return this.#fd;
  }

  /** A standard stream stays open. */
  close(): void {
    if (this.#path !== undefined) closeSync(this.#fd);
  }

  /** @returns what to say when that failed, and the old file goes on; undefined when it did not. */
  reopen(): string | undefined {
    if (this.#path === undefined) return undefined;
    const before = this.#fd;
    try {
      this.#fd = openSync(this.#path, "a", FILE_MODE);
    } catch (error) {
      return `cannot reopen the log file ${this.#path}: ${(error as Error).message}`;
    }
    closeSync(before);
    return undefined;
  }
}
