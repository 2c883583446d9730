import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findPython, fromAnywhere, guessPythonSearch } from "../../src/arbiter/python-finder.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-python-"));
after(() => rmSync(top, { recursive: true }));

function environmentAt(path: string): string {
  const python = join(path, "bin", "python");
  mkdirSync(join(path, "bin"), { recursive: true });
  writeFileSync(python, "");
  chmodSync(python, 0o755);
  return python;
}
const active = environmentAt(join(top, "active"));
const dotted = environmentAt(join(top, "both", ".venv"));
environmentAt(join(top, "both", "venv"));
const plain = environmentAt(join(top, "one", "venv"));

const SEARCHES = [
  { name: "--python wins", search: { python: "/p", virtualEnv: join(top, "active"), directory: join(top, "both") }, found: "/p" },
  { name: "then VIRTUAL_ENV", search: { python: undefined, virtualEnv: join(top, "active"), directory: join(top, "both") }, found: active },
  {
    name: "a VIRTUAL_ENV that is gone is passed over",
    search: { python: undefined, virtualEnv: join(top, "gone"), directory: join(top, "one") },
    found: plain,
  },
  { name: "then .venv", search: { python: undefined, virtualEnv: undefined, directory: join(top, "both") }, found: dotted },
  { name: "then venv", search: { python: undefined, virtualEnv: undefined, directory: join(top, "one") }, found: plain },
  { name: "then python3 on the PATH", search: { python: undefined, virtualEnv: undefined, directory: top }, found: "python3" },
] as const;
for (const { name, search, found } of SEARCHES) test(`findPython: ${name}`, () => assert.equal(findPython(search), found));

const GUESSES = [
  { words: ["app:app"], env: {}, expected: { python: undefined, virtualEnv: undefined, directory: "/srv" } },
  { words: ["--python", "/a", "--python=/b", "app:app"], env: {}, expected: { python: "/b", virtualEnv: undefined, directory: "/srv" } },
  { words: ["--chdir", "x"], env: { VIRTUAL_ENV: "/v" }, expected: { python: undefined, virtualEnv: "/v", directory: "/srv/x" } },
  {
    words: [],
    env: { GUNICORN_CMD_ARGS: "--python /c --chdir=/y", VIRTUAL_ENV: "" },
    expected: { python: "/c", virtualEnv: undefined, directory: "/y" },
  },
  { words: ["--python"], env: {}, expected: { python: undefined, virtualEnv: undefined, directory: "/srv" } },
];
for (const { words, env, expected } of GUESSES) {
  test(`guessPythonSearch of ${JSON.stringify([words, env])}`, () => assert.deepEqual(guessPythonSearch(words, env, "/srv"), expected));
}

test("a relative path is understood where the server was started, a name on the PATH", () => {
  assert.deepEqual(
    ["venv/bin/python", "./python", "/usr/bin/python3", "python3"].map((python) => fromAnywhere(python, "/srv")),
    ["/srv/venv/bin/python", "/srv/python", "/usr/bin/python3", "python3"],
  );
});
