/** A Python environment like the tests' own, without some of its packages. */

import { execFileSync } from "node:child_process";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { PYTHON, type Scope, temporaryFolder, VENV } from "./harness.ts";

const LIBRARY = join(VENV, "lib");

/**
 * @param names  Packages as their folders and metadata begin: `["gunicorn"]`.
 * @returns      The variables that choose the environment.
 */
export function environmentWithout(scope: Scope, names: readonly string[]): Record<string, string> {
  const folder = join(temporaryFolder(scope), "venv");
  execFileSync(PYTHON, ["-m", "venv", "--without-pip", folder]);
  const [version = ""] = readdirSync(LIBRARY);
  const from = join(LIBRARY, version, "site-packages");
  const to = join(folder, "lib", version, "site-packages");
  for (const entry of readdirSync(from)) {
    if (!names.some((name) => entry === name || entry.startsWith(`${name}-`))) symlinkSync(join(from, entry), join(to, entry));
  }
  return { VIRTUAL_ENV: folder, PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}` };
}
