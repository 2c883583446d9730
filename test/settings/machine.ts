/** A made-up machine for the tests. */

import type { PyValue } from "../../src/base/python-repr.ts";
import { type Exit, type Launch, parse, type Resolved, resolve, type Surroundings } from "../../src/settings/index.ts";

export const PROGRAM = { name: "gunicorn", version: "1.2.3" };

/** @param files  Texts by absolute path; their directories exist too. */
export function machine(changes: Partial<Surroundings> = {}, files: Readonly<Record<string, string>> = {}): Surroundings {
  const paths = new Set(["/"]);
  for (const file of Object.keys(files)) {
    for (let path = file; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) paths.add(path);
  }
  return {
    env: {},
    cwd: "/",
    uid: 1000,
    gid: 1001,
    platform: "linux",
    home: "/home/user",
    terminalColumns: undefined,
    exists: (path) => paths.has(path),
    isDirectory: (path) => paths.has(path) && files[path] === undefined,
    isSameFile: () => false,
    readText: (path) => files[path] ?? "",
    findUser: (name) => (name === "www" ? 33 : undefined),
    findGroup: (name) => (name === "www" ? 34 : undefined),
    ...changes,
  };
}

/** Parses words that are known to be good. */
export function launched(words: readonly string[], surroundings: Surroundings = machine()): Launch {
  const launch = parse(words, PROGRAM, surroundings);
  if (launch.at === "exit") throw new Error(`exit ${launch.status}: ${launch.stderr}`);
  return launch;
}

/** Parses and resolves with one command line, one config and one machine. */
export function settled(
  words: readonly string[],
  config: readonly (readonly [string, PyValue])[] = [],
  surroundings = machine(),
): Resolved {
  const resolved: Resolved | Exit = resolve(launched(words, surroundings), config);
  if (resolved.at === "exit") throw new Error(`exit ${resolved.status}: ${resolved.stderr}`);
  return resolved;
}
