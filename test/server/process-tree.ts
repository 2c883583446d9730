/** Finds every process that a server under test has started, so that nothing can be left behind unseen. Linux: reads /proc. */

import { readdirSync, readFileSync } from "node:fs";

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** One letter of proc(5): `"Z"` is a zombie. */
  readonly state: string;
  /** Arguments joined by blanks, or the title the process gave itself. */
  readonly command: string;
  /** Name of the program's file, at most 15 characters: `"node"`, `"python3"`. */
  readonly program: string;
}

/** Environment variable that marks a server's processes; children inherit it even when they leave session and parent. */
export const MARKER = "TUNICORN_TEST_ID";

/**
 * @param leader  First process of the server, started as a session leader.
 * @param id      Value of `MARKER` in its environment.
 * @returns       Those marked, those in its session, and all descendants of both; the leader itself too while it lives.
 */
export function processesOf(leader: number, id: string): ProcessInfo[] {
  const all = allProcesses();
  const found = new Set<number>();
  for (const { pid, session } of all) {
    if (pid === leader || session === leader || isMarked(pid, id)) found.add(pid);
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

function allProcesses(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((info) => info !== undefined);
}

/** @returns undefined when the process has gone meanwhile. */
export function readProcess(pid: number): ProcessInfo | undefined {
  const stat = readOf(pid, "stat");
  // The program's name is in parentheses and may hold blanks and parentheses itself.
  const fields = /^\d+ \((.*)\) (\S) (\d+) \d+ (\d+) /s.exec(stat);
  if (fields === null) return undefined;
  const [, program = "", state = "", parent, session] = fields;
  const command = readOf(pid, "cmdline").replaceAll("\0", " ").trim();
  return { pid, parent: Number(parent), session: Number(session), state, command, program };
}

function isMarked(pid: number, id: string): boolean {
  return readOf(pid, "environ").split("\0").includes(`${MARKER}=${id}`);
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return ""; // It has gone, or it is another user's, which no process of a server under test is for longer than its setuid.
  }
}
