import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = new URL("../..", import.meta.url).pathname;
const COMMAND = ["--import", join(ROOT, "scripts/typescript.mjs"), join(ROOT, "src/main/tunicorn.ts")];
const VERSION = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;

for (const flag of ["--version", "-v", "--help", "-h"]) {
  test(`${flag} needs no Python`, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [...COMMAND, flag, "--python", "/nowhere/python"], { encoding: "utf8" });
    assert.match(stdout, flag.includes("v") ? new RegExp(`^tunicorn ${VERSION} `) : /^usage: tunicorn /);
    assert.deepEqual([stderr, status], ["", 0]);
  });
}
