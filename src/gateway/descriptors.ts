/**
 * The process's descriptors: how many there may be, and the files among them, which are counted. Together with the connections they
 * use them up, and accepting has to pause before the last one is gone (accept-gate.ts). One count, as there is one limit for the process.
 */

import { close, type Mode, type OpenMode, open, readdirSync, readFileSync } from "node:fs";

let count = 0;

/** Files open now, or being opened. */
export function openFileCount(): number {
  return count;
}

/** As `fs.open`, counted. */
export function openFile(path: string, flags: OpenMode, mode: Mode, done: (error: NodeJS.ErrnoException | null, fd: number) => void): void {
  count++;
  open(path, flags, mode, (error, fd) => {
    if (error !== null) count--;
    done(error, fd);
  });
}

/** Closes what `openFile` has opened. */
export function closeFile(fd: number, done: () => void = () => {}): void {
  close(fd, () => {
    count--;
    done();
  });
}

/** RLIMIT_NOFILE: Node has raised it to the hard limit. Unknown (macOS): a usual value. */
export function descriptorLimit(): number {
  const UNKNOWN = 10240;
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
    return line === null ? UNKNOWN : Number(line[1]);
  } catch {
    return UNKNOWN;
  }
}

/** Descriptors that this process has open. Unknown (macOS): more than Node is seen to need. */
export function openDescriptors(): number {
  const UNKNOWN = 48;
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return UNKNOWN;
  }
}
