/** The ways in which users get and start Tunicorn: the npm package, the checkout, a symbolic link. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { PROJECT, readProjectFile } from "../architecture/source-files.ts";
import { waitUntil } from "../server/deadline.ts";
import { APPS, type Scope, Server, type StartOptions, temporaryFolder } from "../server/harness.ts";
import { get } from "../server/http-client.ts";
import { contentsOf, installPackage, packProject, run, userEnvironment } from "./packed-package.ts";

const { version }: { version: string } = JSON.parse(readProjectFile("package.json"));
const VERSION_LINE = `tunicorn ${version} (gunicorn 27.0.1 compatible)\n`;

/** Neither a virtual environment nor the tests' own Python. */
const SYSTEM_PYTHON = { PATH: userEnvironment().PATH ?? "", VIRTUAL_ENV: "" };

/** Starts another command in the place of the harness's: a shell drops the program's name and passes on the rest. */
function startCommand(scope: Scope, command: string, options: StartOptions): Promise<Server> {
  return Server.start(scope, "tunicorn", { ...options, through: ["/bin/sh", "-c", `shift; exec ${command} "$@"`, "sh"] });
}

const OTHER_APPLICATION = `
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"other"]
`;

let tarball: string;
let folder: string;

before((context) => {
  folder = temporaryFolder(context as Scope);
  tarball = packProject(folder);
});

test("the package holds what is run and read, and nothing else", () => {
  const contents = contentsOf(tarball);
  for (const path of [
    "package.json",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "ARCHITECTURE.md",
    "bin/tunicorn",
    "bin/tunicornc",
    "dist/tunicornc.cjs",
    "dist/settings.json",
    "dist/THIRD-PARTY.md",
    "python/gunicorn_fallback/gunicorn/workers/base.py",
    "python/tunicorn_worker/__main__.py",
    "examples/hello.py",
    "examples/start.conf.py",
    "docs/settings.md",
  ])
    assert.ok(contents.includes(path), `${path} is missing`);
  const expected =
    /^(?:package\.json|[A-Z]+(?:\.md)?|bin\/tunicornc?|dist\/[^/]+\.(?:[cm]?js|json)|dist\/THIRD-PARTY\.md|python\/tunicorn_worker\/[^/]+\.py|python\/gunicorn_fallback\/gunicorn(?:\/(?:workers|instrument))?\/[^/]+\.py|examples\/[^/]+\.py|docs\/.+\.md)$/;
  assert.deepEqual(
    contents.filter((path) => !expected.test(path)),
    [],
  );
});

for (const { name, env } of [
  { name: "as usual", env: {} },
  { name: "under NODE_ENV=production", env: { NODE_ENV: "production" } },
]) {
  test(`the package serves an application, installed ${name}`, async (t) => {
    const place = join(folder, name.replaceAll(/\W/g, "-"));
    installPackage(tarball, place, env);
    assert.ok(!existsSync(join(place, "node_modules/esbuild")), "something that only the build needs was installed");
    const program = join(place, "node_modules/.bin/tunicorn");
    assert.equal(run(program, ["--version"], place, env), VERSION_LINE);
    assert.equal(run(`${program}c`, ["--version"], place, env), `tunicornc (${VERSION_LINE.trimEnd()})\n`);

    const server = await startCommand(t, program, { args: ["flask_site:app", "-w", "2"], env });
    assert.equal((await server.exchange(get("/"))).status, 200);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
}

test("a symbolic link to bin/tunicorn starts it from any directory", async (t) => {
  const elsewhere = temporaryFolder(t);
  mkdirSync(join(elsewhere, "bin"));
  symlinkSync(join(PROJECT, "bin/tunicorn"), join(elsewhere, "bin/first"));
  symlinkSync("first", join(elsewhere, "bin/tunicorn"));
  assert.equal(run("bin/tunicorn", ["--version"], elsewhere), VERSION_LINE);
  assert.equal(run("tunicorn", ["--version"], "/", { PATH: `${join(elsewhere, "bin")}:${SYSTEM_PYTHON.PATH}` }), VERSION_LINE);

  const server = await startCommand(t, "bin/tunicorn", { args: ["--chdir", APPS, "flask_site:app"], cwd: elsewhere });
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("npm start serves the example with the system's Python", async (t) => {
  const server = await startCommand(t, "npm start --", { args: [], cwd: PROJECT, env: SYSTEM_PYTHON });
  const { status, body } = await server.exchange(get("/?name=you"));
  assert.equal(status, 200);
  assert.match(body, /Hello, you!/);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test("npm start -- APP serves that application", async (t) => {
  const place = temporaryFolder(t);
  writeFileSync(join(place, "other.py"), OTHER_APPLICATION);
  const args = ["other:app", "--chdir", place, "-w", "2"];
  const server = await startCommand(t, "npm start --", { args, cwd: PROJECT, env: SYSTEM_PYTHON });
  assert.equal((await server.exchange(get("/"))).body, "other");
  await waitUntil("waiting for the second worker", () => server.countLines(/Booting worker with pid/) === 2);
});
