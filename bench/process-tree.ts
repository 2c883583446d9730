import { readdirSync, readFileSync } from "node:fs";

/** Processes as /proc shows them: for the benchmarks and for the tests of whole servers. */

/** One process; the start time tells it from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks since boot, as /proc has them. */
  readonly startTicks: number;
}

export interface ProcessStatus extends ProcessIdentity {
  /** Name of the program's file, at most 15 characters: `"node"`, `"python3"`. */
  readonly program: string;
  /** One letter: `"Z"` is a zombie. */
  readonly state: string;
  readonly session: number;
}

/**
 * Reads the text of /proc/PID/stat.
 *
 * @param stat  `4211 (python3 (old)) S 4200 ...`: the name may hold blanks and parentheses, so it is the last `)` that ends it
 * @throws {Error} when it does not look like that
 * @see proc_pid_stat(5): field 2 is the name, 3 the state, 4 the parent, 6 the session, 22 the start time
 */
export function parseProcessStat(stat: string): ProcessStatus {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const program = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
  const [state, parent, session, startTicks] = [fields[0], Number(fields[1]), Number(fields[3]), Number(fields[19])];
  const pid = Number.parseInt(stat, 10);
  if (state === undefined || ![pid, parent, session, startTicks].every(Number.isInteger)) {
    throw new Error(`cannot understand the process status ${JSON.stringify(stat)}`);
  }
  return { pid, parent, startTicks, state, session, program };
}

/** The process `root` and all below it, in no particular order; `root` need not exist any more. */
export function selectTree<P extends ProcessIdentity>(processes: readonly P[], root: number): P[] {
  const tree = processes.filter((process) => process.pid === root);
  // The array grows while it is walked.
  for (const { pid } of tree) tree.push(...processes.filter((process) => process.parent === pid));
  return tree;
}

/** Sum of the Pss of /proc/PID/smaps_rollup (proc_pid_smaps_rollup(5)), in bytes. Throws when there is no such line. */
export function parsePssBytes(rollup: string): number {
  const kilobytes = /^Pss: +([0-9]+) kB$/m.exec(rollup)?.[1];
  if (kilobytes === undefined) throw new Error("smaps_rollup has no Pss line");
  return Number(kilobytes) * 1024;
}

const NOT_THERE = new Set(["ENOENT", "ESRCH", "EACCES"]);

/** The file, or undefined when its process has gone in the meantime, or is another user's. */
export function readProcessFile(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** All processes, zombies included. */
export function readProcesses(): ProcessStatus[] {
  return readdirSync("/proc").flatMap((name) => {
    const stat = /^[0-9]+$/.test(name) ? readProcessFile(Number(name), "stat") : undefined;
    return stat === undefined ? [] : [parseProcessStat(stat)];
  });
}

/** All living processes below `root`, it included; zombies are not living. */
export function readProcessTree(root: number): ProcessIdentity[] {
  return selectTree(readProcesses(), root).filter((process) => process.state !== "Z");
}

/** Whether it is still there: this very process, not another with its pid. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = readProcessFile(process.pid, "stat");
  if (stat === undefined) return false;
  const now = parseProcessStat(stat);
  return now.startTicks === process.startTicks && now.state !== "Z";
}

/** Memory of a tree: proportional set size, so that pages shared by several processes count once. */
export function readTreePssBytes(root: number): number {
  return readProcessTree(root).reduce((sum, { pid }) => {
    const rollup = readProcessFile(pid, "smaps_rollup");
    return rollup === undefined ? sum : sum + parsePssBytes(rollup);
  }, 0);
}

/** SIGKILL; nothing happens when it has gone in the meantime. `pid`: negative for a process group. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
