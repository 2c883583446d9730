/** Finds every process that a server under test has started, so that nothing can be left behind unseen. Linux: reads /proc. */

import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type ProcessStatus, readProcesses, readProcessFile, selectTree } from "../../bench/process-tree.ts";

/** An open descriptor. */
export interface OpenFile {
  /** In /proc. */
  readonly path: string;
  readonly target: string;
}

export interface ProcessInfo extends ProcessStatus {
  /** Arguments joined by blanks, or the title the process gave itself. */
  readonly command: string;
}

/** Environment variable that marks a server's processes; children inherit it even when they leave session and parent. */
export const MARKER = "TUNICORN_TEST_ID";

/**
 * @param leader  First process of the server, started as a session leader.
 * @param id      Value of `MARKER` in its environment.
 * @returns       Those marked, those in its session, and all descendants of both; the leader itself too while it lives.
 */
export function processesOf(leader: number, id: string): ProcessInfo[] {
  const all = readProcesses();
  const roots = all.filter(({ pid, session }) => pid === leader || session === leader || isMarked(pid, id));
  const found = new Set(roots.flatMap(({ pid }) => selectTree(all, pid)));
  return [...found].map((each) => ({ ...each, command: commandOf(each.pid) }));
}

/** Where a process's descriptors lead to; without those that it closes meanwhile, and none when it has gone. */
export function openFiles(pid: number): OpenFile[] {
  const folder = `/proc/${pid}/fd`;
  const descriptors = whileThere(() => readdirSync(folder)) ?? [];
  return descriptors.flatMap((name) => {
    const path = join(folder, name);
    const target = whileThere(() => readlinkSync(path));
    return target === undefined ? [] : [{ path, target }];
  });
}

/** @returns undefined when the file has gone. */
export function whileThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
    throw error;
  }
}

function commandOf(pid: number): string {
  return (readProcessFile(pid, "cmdline") ?? "").replaceAll("\0", " ").trim();
}

function isMarked(pid: number, id: string): boolean {
  return (readProcessFile(pid, "environ") ?? "").split("\0").includes(`${MARKER}=${id}`);
}
