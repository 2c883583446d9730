/** Reads the project's sources as text, for the tests that check its rules. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** @returns Paths of all files below `folder` with this suffix, relative to the project: `["src/base/clock.ts"]`. */
export function filesUnder(folder: string, suffix: string): string[] {
  const top = join(PROJECT, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .map((name) => relative(PROJECT, join(top, name)))
    .sort();
}

export function readProjectFile(path: string): string {
  return readFileSync(join(PROJECT, path), "utf8");
}

/** @returns What a TypeScript file imports, type-only imports included: `["node:net", "./clock.ts"]`. */
export function importsOf(source: string): string[] {
  const statements = /^(?:import|export)\b[^;"]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\s*\(\s*"([^"]+)"/gm;
  return [...source.matchAll(statements)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");
}
