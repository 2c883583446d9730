import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../src/main/tunicornc.ts", import.meta.url));
const TYPESCRIPT = fileURLToPath(new URL("../../scripts/typescript.mjs", import.meta.url));

function run(...words: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((fulfil) => {
    execFile(process.execPath, ["--import", TYPESCRIPT, PROGRAM, "top", ...words], (error, stdout, stderr) =>
      fulfil({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

test("help, a slip, and a server that is not there", async () => {
  const [help, slip, nobody] = await Promise.all([run("--help"), run("--twice"), run("-s", "/nonexistent/control.sock")]);
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /^usage: tunicorn top /);
  assert.deepEqual([slip.code, slip.stdout], [2, ""]);
  assert.match(slip.stderr, /tunicorn top: error: unrecognized arguments: --twice\n$/);
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.match(nobody.stderr, /^Error: Failed to connect to \/nonexistent\/control\.sock: \[Errno 2\]/);
});
