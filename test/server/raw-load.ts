/** Starts clients that never retry (raw-load-program.ts) beside a server, and reads what they have seen. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Scope } from "./harness.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = fileURLToPath(new URL("raw-load-program.ts", import.meta.url));

export interface RawResult {
  readonly requests: number;
  /** How many ended how, those with 200 left out: `{ ECONNREFUSED: 3, "status 502": 1 }`. */
  readonly failures: Record<string, number>;
  readonly latenciesMs: number[];
}

export interface RawLoad {
  /** No more requests; those under way are waited for. */
  stop(): Promise<RawResult>;
}

/** @param address  A port of 127.0.0.1, or the path of a unix socket. @param rate  Requests per second. */
export async function startRawLoad(scope: Scope, address: number | string, rate: number, path = "/"): Promise<RawLoad> {
  const args = ["--import", "./scripts/typescript.mjs", PROGRAM, String(address), String(rate), path];
  const child = spawn(process.execPath, args, { cwd: PROJECT, stdio: ["pipe", "pipe", "inherit"] });
  scope.after(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = once(child, "close");
  await once(child.stdout, "data");
  return {
    stop: async () => {
      child.stdin.end();
      await ended;
      return JSON.parse(output);
    },
  };
}

export function failuresOf({ failures }: RawResult): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** @returns the `share` quantile, e.g. 0.99; 1 is the longest. */
export function quantileMs({ latenciesMs }: RawResult, share: number): number {
  const sorted = [...latenciesMs].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
