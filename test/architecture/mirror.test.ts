import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { transform } from "esbuild";
import { filesUnder, PROJECT, readProjectFile } from "./source-files.ts";

/** Sources without a test of their own, and why. Files that hold only types need no entry. */
const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  "python/tunicorn_worker/__main__.py": "chooses the program to run; test/server starts nothing without it",
  "python/tunicorn_worker/errors.py": "exceptions without behaviour; whoever raises them has tests",
  "src/main/gateway.ts": "puts the gateway's parts together; test/server starts nothing without it",
  "src/main/tunicorn.ts": "puts the arbiter's parts together; test/server starts nothing without it",
  "src/main/tunicornc.ts": "puts the client's parts together; client/run.test.ts runs it",
  "src/protocol/http2/frame-types.ts": "numbers only; node-client.test.ts holds them against Node's client",
  "src/request/protocol-error.ts": "a table and its error class; the parsers' tests raise every code",
  "src/wire/frame-types.ts": "numbers only; the codecs' vectors check them against Python's copy",
};

for (const path of filesUnder("src", ".ts")) {
  if (path in TESTED_ELSEWHERE) continue;
  test(`${path} has its test at the same path`, async () => {
    if (await holdsOnlyTypes(path)) return;
    assert.ok(existsSync(join(PROJECT, path.replace(/^src/, "test").replace(/\.ts$/, ".test.ts"))), "no such test");
  });
}

for (const path of filesUnder("python/tunicorn_worker", ".py")) {
  if (path.endsWith("__init__.py") || path in TESTED_ELSEWHERE) continue;
  test(`${path} has its test at the same path`, () => {
    const mirrored = path.replace(/^python\/tunicorn_worker/, "test/python").replace(/([^/]+)$/, "test_$1");
    assert.ok(existsSync(join(PROJECT, mirrored)), `no ${mirrored}`);
  });
}

for (const path of Object.keys(TESTED_ELSEWHERE)) {
  test(`the exception ${path} is still needed`, () => assert.ok(existsSync(join(PROJECT, path)), "no such source"));
}

async function holdsOnlyTypes(path: string): Promise<boolean> {
  const { code } = await transform(readProjectFile(path), { loader: "ts", target: "node20" });
  return code.replace(/^export \{\s*\};\s*$/gm, "").trim() === "";
}
