/** h2spec, the conformance tests of HTTP/2: where it is, and what it says. */

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Ignored by git. */
export const H2SPEC_CACHE = fileURLToPath(new URL("../../.cache/h2spec", import.meta.url));

/** @returns The path of an h2spec that runs, or undefined. */
export function findH2spec(): string | undefined {
  return ["h2spec", join(H2SPEC_CACHE, "h2spec")].find((path) => spawnSync(path, ["--version"]).status === 0);
}

/** For one answer that does not come: long, because the machine may be busy. */
const ANSWER_SECONDS = 30;

export interface H2specOutcome {
  readonly passed: number;
  /** All of its output, which names what failed. */
  readonly output: string;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs all tests against a server on the loopback address that speaks HTTP/2 at once. @param more  Of its options: `["-t", "-k"]` for TLS, trusting everybody. */
export async function runH2spec(port: number, more: readonly string[] = []): Promise<H2specOutcome> {
  const path = findH2spec();
  if (path === undefined) throw new Error("there is no h2spec: run test/server/install-h2spec.ts");
  // Not synchronously: the server may be in this process.
  const child = spawn(path, ["-h", "127.0.0.1", "-p", String(port), "-o", String(ANSWER_SECONDS), ...more]);
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  const [, passed, skipped, failed] = /(\d+) passed, (\d+) skipped, (\d+) failed/.exec(output) ?? [];
  return { output, passed: Number(passed), skipped: Number(skipped), failed: Number(failed) };
}
