/** Makes the npm package from the checkout, and installs it as a user would. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../architecture/source-files.ts";

/** Not copied: node_modules is linked, dist is built anew, the others are nobody's source. */
const LEFT_OUT = /^(?:node_modules|dist|test|bench|\..*|.*\.tgz)$/;

/**
 * `npm pack` with its build. Of a copy: the build empties dist, which the servers of other tests are running from.
 *
 * @param folder  An empty folder of the test's own.
 * @returns       Path of the tarball.
 */
export function packProject(folder: string): string {
  const copy = join(folder, "checkout");
  const packed = join(folder, "packed");
  mkdirSync(copy);
  mkdirSync(packed);
  for (const name of readdirSync(PROJECT)) {
    if (!LEFT_OUT.test(name)) cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  // What a developer's own runs leave behind.
  for (const beside of ["examples", "python/tunicorn_worker"]) {
    const cache = join(copy, beside, "__pycache__");
    mkdirSync(cache, { recursive: true });
    cpSync(join(PROJECT, "LICENSE"), join(cache, "left.cpython-311.pyc"));
  }
  run("npm", ["pack", "--pack-destination", packed], copy);
  return join(packed, readdirSync(packed)[0] ?? "");
}

/** `npm install ./tunicorn-x.y.z.tgz` in an empty folder, without a network, with the scripts that npm would run. */
export function installPackage(tarball: string, folder: string, env: Readonly<Record<string, string>> = {}): void {
  mkdirSync(folder);
  run("npm", ["install", "--offline", tarball], folder, env);
}

/** @returns Paths in the tarball, without the `package/` that npm puts before them. */
export function contentsOf(tarball: string): string[] {
  return run("tar", ["-tzf", tarball], PROJECT)
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
}

/** @returns stdout. @throws {Error} with all output when the command fails. */
export function run(command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", env: { ...userEnvironment(), ...env } });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`, { cause: error });
  return stdout;
}

/** A user's shell: nothing of the `npm test` around us, whose npm_* variables an npm inside would obey. */
export function userEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, LANG: "C.UTF-8" };
}
