/** Where the tests' nginx is: the machine's own, or the one that install-nginx.ts got into the cache. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Ignored by git. */
export const NGINX_CACHE = fileURLToPath(new URL("../../.cache/nginx", import.meta.url));

/** Folders of system programs, which the PATH of users often leaves out. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

/** @returns The path of an nginx that runs, or undefined. */
export function findNginx(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), ...SYSTEM_FOLDERS, join(NGINX_CACHE, "usr/sbin")];
  return folders.map((folder) => join(folder, "nginx")).find((path) => existsSync(path) && runs(path));
}

/** A package taken apart may lack its libraries. */
function runs(path: string): boolean {
  return spawnSync(path, ["-v"]).status === 0;
}

/** As `findNginx`; a machine without one fails the test that asks. */
export function requireNginx(): string {
  return (
    findNginx() ??
    assert.fail("there is no nginx: install it (apt-get install nginx, apk add nginx, brew install nginx), or run npm test -- server")
  );
}
