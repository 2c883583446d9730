/** test/server/control.test.ts runs the whole client against both servers. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../src/main/tunicornc.ts", import.meta.url));
const SOURCES = fileURLToPath(new URL("../../scripts/typescript.mjs", import.meta.url));

function run(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", SOURCES, PROGRAM, ...words], { encoding: "utf8", cwd: "/" });
  return { status, stdout, stderr };
}

test("the version, a usage error, a server that is not there", () => {
  const { status, stdout } = run("--version");
  assert.equal(status, 0);
  assert.match(stdout, /^tunicornc \(tunicorn \d+\.\d+\.\d+ \(gunicorn 27\.0\.1 compatible\)\)\n$/);
  assert.equal(run("--nothing").status, 2);
  const error = "Error: Failed to connect to /nonexist.ctl: [Errno 2] No such file or directory\n";
  for (const words of [["-c", "help"], []]) assert.deepEqual(run("-s", "nonexist.ctl", ...words), { status: 1, stdout: "", stderr: error });
});
