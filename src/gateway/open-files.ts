/**
 * Files that the gateway has open, counted: together with the connections they use up the process's descriptors, and accepting
 * has to pause before the last one is gone (accept-gate.ts). One count for the process, as the limit is one for the process.
 */

import { close, type Mode, type OpenMode, open } from "node:fs";

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
