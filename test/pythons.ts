/** The Pythons of this machine that Tunicorn supports: found by themselves, so that a new one is tested as soon as it is installed. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Python {
  /** As it is called: `"/usr/bin/python3.11"`. */
  readonly path: string;
  /** `[3, 11, 2]` */
  readonly version: readonly number[];
  /** `"3.11.2"`; `"3.13.5t"` without the global lock. */
  readonly name: string;
  /** The program's file behind all links and virtual environments. */
  readonly program: string;
}

/** CPython from this version on (src/lifecycle/python-version.ts). */
const MINOR_MIN = 10;

const PROBE = `
import json, os, platform, sys
print(json.dumps([platform.python_implementation(), sys.version_info[:3], os.path.realpath(sys.executable), "t" in getattr(sys, "abiflags", "")]))
`;

function probe(path: string): Python | undefined {
  const { status, stdout } = spawnSync(path, ["-I", "-c", PROBE], { encoding: "utf8" });
  if (status !== 0) return undefined;
  const [implementation, version, program, free] = JSON.parse(stdout) as [string, number[], string, boolean];
  const [major, minor = 0] = version;
  return implementation === "CPython" && major === 3 && minor >= MINOR_MIN
    ? { path, version, name: version.join(".") + (free ? "t" : ""), program }
    : undefined;
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** `python3`, `python3.X` and `python3.Xt` of the PATH, pyenv's, and what TUNICORN_TEST_PYTHONS names (paths, separated by colons). */
function candidates(): string[] {
  const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  const onPath = folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => /^python3(?:\.\d+t?)?$/.test(name))
      .map((name) => join(folder, name)),
  );
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  const ofPyenv = namesIn(pyenv).map((version) => join(pyenv, version, "bin/python3"));
  const named = (process.env.TUNICORN_TEST_PYTHONS ?? "").split(":").filter((path) => path !== "");
  return [...onPath, ...ofPyenv, ...named];
}

function findPythons(): Python[] {
  const byProgram = new Map<string, Python>();
  for (const path of candidates()) {
    const python = probe(path);
    if (python !== undefined && !byProgram.has(python.program)) byProgram.set(python.program, python);
  }
  return [...byProgram.values()].sort((a, b) => compareVersions(a.version, b.version));
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}

/** Every one once, oldest first; one at least, since the tests cannot run without. */
export const PYTHONS: readonly Python[] = findPythons();

if (PYTHONS.length === 0) throw new Error(`no CPython 3.${MINOR_MIN} or later on the PATH`);
