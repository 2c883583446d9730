/** Settings as a command line gives them, for tests. */

import { readSurroundings } from "../../src/arbiter/surroundings.ts";
import { parse, type Resolved, resolve, type Settings } from "../../src/settings/index.ts";

/** @throws {Error} with what would be printed when the command line is refused. */
export function resolvedOf(words: readonly string[]): Resolved {
  const launch = parse(words, { name: "tunicorn", version: "0.1.0" }, { ...readSurroundings(), env: {}, cwd: "/" });
  if (launch.at === "exit") throw new Error(launch.stderr + launch.stdout);
  const resolved = resolve(launch);
  if (resolved.at === "exit") throw new Error(resolved.stderr);
  return resolved;
}

export function settingsOf(words: readonly string[]): Settings {
  return resolvedOf(words).settings;
}
