import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onOneCpu } from "./one-cpu.ts";
import type { HeaderCount } from "./scenarios.ts";

const SCRIPT = fileURLToPath(new URL("./wrk-requests.lua", import.meta.url));

/** What the script of wrk prints at the end. */
export interface ClosedLoopResult {
  /** Answers with a status below 400, for each second. */
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  /** `wrk saw 3 read errors of 18000 requests`; one line for each kind that was seen. */
  readonly failures: readonly string[];
}

const ERROR_KINDS = {
  connect: "connect errors",
  read: "read errors",
  write: "write errors",
  status: "answers with status 400 or more",
  timeout: "timeouts",
} as const;

/**
 * Reads the output of wrk with our script.
 *
 * @param output  everything it printed, with a line like
 *                `RESULT {"requests":9,"durationUs":1000000,"p50Us":50,"p90Us":60,"p99Us":70,"errors":{"connect":0,"read":0,"write":0,"status":0,"timeout":0}}`
 * @throws {Error} when there is no such line, or a number is missing in it
 */
export function parseWrkOutput(output: string): ClosedLoopResult {
  const line = output.split("\n").find((text) => text.startsWith("RESULT "));
  if (line === undefined) throw new Error(`wrk ended without a result, it printed: ${output.trim() || "nothing"}`);
  const result: unknown = JSON.parse(line.slice("RESULT ".length));
  const errors = field(result, "errors");
  const requests = numberField(result, "requests");
  const failures = Object.entries(ERROR_KINDS).flatMap(([kind, words]) => {
    const count = numberField(errors, kind);
    return count === 0 ? [] : [`wrk saw ${count} ${words} of ${requests} requests`];
  });
  if (requests === 0) failures.push("wrk got no answer at all");
  return {
    requestsPerSecond: ((requests - numberField(errors, "status")) * 1e6) / numberField(result, "durationUs"),
    p50Us: numberField(result, "p50Us"),
    p90Us: numberField(result, "p90Us"),
    p99Us: numberField(result, "p99Us"),
    failures,
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function numberField(value: unknown, name: string): number {
  const number = field(value, name);
  if (typeof number !== "number") throw new Error(`the result of wrk has no number called ${name}`);
  return number;
}

/** One run of wrk. */
export interface ClosedLoopRun {
  readonly port: number;
  readonly connections: number;
  readonly headers: HeaderCount;
  /** Whole seconds; wrk knows no others. */
  readonly seconds: number;
  /** Beside a server that is held to one CPU, on the same one. */
  readonly oneCpu?: boolean;
  readonly tls?: boolean | undefined;
  /** Sends one request of `every` to `path`. */
  readonly slow?: { readonly path: string; readonly every: number };
}

/** Runs wrk with one thread. Rejects when it does not end well. */
export async function runClosedLoop(run: ClosedLoopRun): Promise<ClosedLoopResult> {
  const slow = run.slow === undefined ? [] : [run.slow.path, `${run.slow.every}`];
  const command = [
    ...["wrk", "-t1", `-c${run.connections}`, `-d${run.seconds}s`, "--timeout", "10s", "-s", SCRIPT],
    ...[`${run.tls === true ? "https" : "http"}://127.0.0.1:${run.port}/`, "--", `${run.headers}`, ...slow],
  ];
  const [program = "", ...args] = run.oneCpu === true ? onOneCpu(command) : command;
  const { stdout } = await promisify(execFile)(program, args);
  return parseWrkOutput(stdout);
}
