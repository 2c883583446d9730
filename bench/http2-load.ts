/** h2load, of nghttp2 (Debian and Ubuntu: nghttp2-client): clients of HTTP/2 that keep several requests open on each connection. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Http2Load {
  readonly port: number;
  readonly connections: number;
  /** Requests that are open at once on each. */
  readonly streams: number;
  /** Whole seconds, both; h2load counts what comes after the warm-up. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface Http2LoadResult {
  /** Answers with a status below 400, for each second. */
  readonly requestsPerSecond: number;
  readonly failures: readonly string[];
}

/**
 * Reads what h2load printed.
 *
 * @param output   With lines like `Application protocol: h2`, `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout`
 *                 and `status codes: 9 2xx, 0 3xx, 0 4xx, 0 5xx`.
 * @param seconds  That it measured for.
 * @throws {Error} when such a line is missing
 */
export function parseH2loadOutput(output: string, seconds: number): Http2LoadResult {
  const [, done = "", failed = "", errored = ""] = line(output, /^requests: .* (\d+) done, .* (\d+) failed, (\d+) errored/m);
  const [, good = "", redirected = ""] = line(output, /^status codes: (\d+) 2xx, (\d+) 3xx/m);
  const [, protocol] = line(output, /^Application protocol: (\S+)/m);
  const answered = Number(good) + Number(redirected);
  const failures = [
    ...(protocol === "h2" ? [] : [`the server chose ${protocol}`]),
    ...(Number(failed) + Number(errored) > 0 ? [`h2load saw ${failed} failed and ${errored} broken of ${done} requests`] : []),
    ...(answered === 0 ? ["h2load got no answer at all"] : []),
  ];
  return { requestsPerSecond: answered / seconds, failures };
}

function line(output: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(output);
  if (match === null) throw new Error(`h2load ended without a result, it printed: ${output.trim() || "nothing"}`);
  return match;
}

/** Beyond the times it was given, until h2load is killed: it waits without end for a server that does not answer. */
const LATE_MS = 10_000;

/** Runs h2load with one thread. Rejects when it does not end well. */
export async function runHttp2Load({ port, connections, streams, warmUpSeconds, seconds }: Http2Load): Promise<Http2LoadResult> {
  const args = ["-t1", `-c${connections}`, `-m${streams}`, `-D${seconds}`, `--warm-up-time=${warmUpSeconds}`];
  const timeout = (warmUpSeconds + seconds) * 1000 + LATE_MS;
  const { stdout } = await promisify(execFile)("h2load", [...args, `https://127.0.0.1:${port}/`], { timeout });
  return parseH2loadOutput(stdout, seconds);
}
