/** How much memory each process of a server took at most since it was idle. Linux: reads /proc. */

import { readFileSync, writeFileSync } from "node:fs";
import type { Server } from "./harness.ts";

const BYTES_PER_KIB = 1024;
/** Written to /proc/PID/clear_refs: the peak starts again from what the process has now (proc(5)). */
const RESET_PEAK = "5";

/** What one process did between two looks. */
export interface Growth {
  readonly pid: number;
  readonly role: "arbiter" | "nursery" | "gateway" | "worker";
  readonly idleBytes: number;
  /** Peak of the resident memory above that. */
  readonly grownBytes: number;
}

/**
 * Notes what every process of the server has now.
 *
 * @returns  Tells each process's growth since. A process that came or went meanwhile is an error: its memory would not be counted.
 */
export function watchMemory(server: Server): () => Growth[] {
  const [gateway, nursery] = [server.gateway(), server.nursery()];
  const roleOf = (pid: number): Growth["role"] =>
    pid === server.pid ? "arbiter" : pid === nursery ? "nursery" : pid === gateway ? "gateway" : "worker";
  const idle = server.processes().map(({ pid }) => {
    writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
    return { pid, role: roleOf(pid), idleBytes: statusBytes(pid, "VmRSS") };
  });
  return () => {
    const pids = server.processes().map(({ pid }) => pid);
    if (pids.join() !== idle.map(({ pid }) => pid).join()) throw new Error(`the server's processes have changed:\n${server.output()}`);
    return idle.map((info) => ({ ...info, grownBytes: statusBytes(info.pid, "VmHWM") - info.idleBytes }));
  };
}

function statusBytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (match === null) throw new Error(`process ${pid} has no ${field}`);
  return Number(match[1]) * BYTES_PER_KIB;
}
