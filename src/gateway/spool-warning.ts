/** Says in the error log that the spool directory cannot be used: once, not for each request that meets it. */

/** A disk that stays full is said again this often: every large body meets it, and the log may be on the same disk. */
const AGAIN_MS = 60_000;

export class SpoolWarning {
  readonly #now: () => number;
  readonly #warn: (text: string) => void;
  #saidMs = Number.NEGATIVE_INFINITY;

  /** @param now  Monotonic, milliseconds. */
  constructor(now: () => number, warn: (text: string) => void) {
    this.#now = now;
    this.#warn = warn;
  }

  /** @param error  Of opening, writing or reading a spool file: `ENOSPC: no space left on device, write`. */
  report(error: NodeJS.ErrnoException, directory: string): void {
    const now = this.#now();
    if (now - this.#saidMs < AGAIN_MS) return;
    this.#saidMs = now;
    // Behind the comma Node names the call and the file, which has no name any more.
    const [reason] = error.message.split(",");
    this.#warn(
      `cannot spool to ${directory}: ${reason}; large bodies now go straight through, and slow clients hold workers: make room there, or set tmp_upload_dir`,
    );
  }
}
