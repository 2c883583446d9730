/** Directories and waits for tests with real files. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SpoolBudget } from "../../src/gateway/byte-spool.ts";

/** @returns A directory that is removed when the test has ended. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "tunicorn-test-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits until something holds: the test runner's own limit ends a wait in vain. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Memory for spools that is never used up. */
export function unbounded(): SpoolBudget {
  return { usedBytes: 0, maxBytes: Number.POSITIVE_INFINITY };
}

/** How many descriptors of this process point below a directory, deleted files included. */
export function descriptorsBelow(directory: string, readlink: (path: string) => string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlink(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false;
    }
  }).length;
}
