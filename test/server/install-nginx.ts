/**
 * Gets Debian's nginx into the cache where the machine has none, without root and without installing it; `npm test` runs this.
 * Ends with 1 and says what to install when that does not work.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findNginx, NGINX_CACHE } from "./find-nginx.ts";

/** The package's lists are the cache's own: those of the machine may be missing, and only root may fetch them. */
const LISTS = join(NGINX_CACHE, "lists");
const ARCHIVES = join(NGINX_CACHE, "archives");
const APT_OPTIONS = ["-q", "-o", `Dir::State::Lists=${LISTS}`, "-o", `Dir::Cache=${ARCHIVES}`, "-o", "APT::Sandbox::User="];
/** The program is in the first on Debian, in the second on Ubuntu before 24.04. */
const PACKAGES = ["nginx", "nginx-core"];

/** Runs a program in the cache. @returns What went wrong, or undefined. */
function run(program: string, ...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, args, { cwd: NGINX_CACHE, encoding: "utf8" });
  return status === 0 ? undefined : `${program} ${args[0]}: ${error?.message ?? stderr.trim()}`;
}

/** @returns What went wrong, or undefined. */
function unpack(name: string): string | undefined {
  const failure = run("apt-get", "download", ...APT_OPTIONS, name);
  if (failure !== undefined) return failure;
  const file = readdirSync(NGINX_CACHE).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith(".deb"));
  return file === undefined ? `apt-get brought no package ${name}` : run("dpkg", "-x", file, NGINX_CACHE);
}

function install(): string[] {
  mkdirSync(join(LISTS, "partial"), { recursive: true });
  mkdirSync(join(ARCHIVES, "archives/partial"), { recursive: true });
  const failures = [run("apt-get", "update", ...APT_OPTIONS)];
  for (const name of PACKAGES) if (findNginx() === undefined) failures.push(unpack(name));
  return failures.filter((failure) => failure !== undefined);
}

const failures = findNginx() === undefined ? install() : [];
const path = findNginx();
if (path !== undefined) console.log(`nginx: ${path}`);
else {
  console.error(["there is no nginx, and Debian's does not run here:", ...failures, "install nginx: apt-get install nginx"].join("\n"));
  process.exitCode = 1;
}
