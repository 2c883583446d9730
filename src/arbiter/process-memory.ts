/** How much memory processes have, as the kernel counts it. */

import { readFile } from "node:fs/promises";
import type { ProcessMemory } from "../control/picture.ts";

const KIB = 1024;
/** A worker that the kernel holds up, in a fault or a swap storm, may keep the answer back: the others' are not to wait for it. */
const ANSWER_MS = 200;
const UNKNOWN: ProcessMemory = { rssBytes: null, pssBytes: null };

/** @returns by pid. What the kernel does not say, or not in time, is null: other systems have no /proc, and a process may just have gone. */
export async function memoryOf(pids: readonly number[]): Promise<Map<number, ProcessMemory>> {
  return new Map(await Promise.all(pids.map(async (pid) => [pid, await soon(readMemory(pid))] as const)));
}

async function readMemory(pid: number): Promise<ProcessMemory> {
  try {
    return parse(await readFile(`/proc/${pid}/smaps_rollup`, "latin1"));
  } catch {
    // Another user's, for which only its sum may be read.
    try {
      return parse(await readFile(`/proc/${pid}/status`, "latin1"));
    } catch {
      return UNKNOWN;
    }
  }
}

/** @param text  Lines of `smaps_rollup` (`Rss:`, `Pss:`) or of `status` (`VmRSS:`). */
function parse(text: string): ProcessMemory {
  return { rssBytes: bytesOf(/^(?:Rss|VmRSS):\s+(\d+) kB$/m.exec(text)), pssBytes: bytesOf(/^Pss:\s+(\d+) kB$/m.exec(text)) };
}

function bytesOf(match: RegExpExecArray | null): number | null {
  return match === null ? null : Number(match[1]) * KIB;
}

async function soon(memory: Promise<ProcessMemory>): Promise<ProcessMemory> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ProcessMemory>((fulfil) => {
    timer = setTimeout(() => fulfil(UNKNOWN), ANSWER_MS);
  });
  const first = await Promise.race([memory, late]);
  clearTimeout(timer);
  return first;
}
