import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkConfiguration, configure, findWorkerClass } from "../../src/arbiter/configure.ts";
import { readSurroundings } from "../../src/arbiter/surroundings.ts";
import { type Launch, parse } from "../../src/settings/index.ts";
import { resolvedOf } from "./settings-of.ts";
import { startStandIn } from "./stand-in.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-configure-"));
after(() => rmSync(top, { recursive: true }));
writeFileSync(join(top, "conf.py"), "");

function launchOf(words: readonly string[]): Launch {
  const launch = parse(words, { name: "tunicorn", version: "0.1.0" }, { ...readSurroundings(), env: {}, cwd: top });
  if (launch.at === "exit") throw new Error(launch.stderr);
  return launch;
}

test("without a config file the nursery is not asked", async () => {
  const nursery = startStandIn("die-at-once");
  const resolved = await configure(launchOf(["app"]), nursery);
  assert.equal(resolved.at === "resolved" && resolved.settings.workers, 1);
});

test("the values of a config file count, the command line counts more", async () => {
  const nursery = startStandIn();
  const fromFile = await configure(launchOf(["-c", "conf.py", "app"]), nursery);
  assert.equal(fromFile.at === "resolved" && fromFile.settings.workers, 3);
  const overridden = await configure(launchOf(["-c", "conf.py", "-w", "5", "app"]), nursery);
  assert.equal(overridden.at === "resolved" && overridden.settings.workers, 5);
  nursery.kill();
});

test("a broken config file is Gunicorn's end", async () => {
  const nursery = startStandIn("broken-config");
  const exit = await configure(launchOf(["-c", "conf.py", "app"]), nursery);
  assert.deepEqual(exit, { at: "exit", stdout: "", stderr: "Failed to read config file: conf.py\nSyntaxError: no\n", status: 1 });
  nursery.kill();
});

test("a Python that is too old, or dies, is said instead of waiting for it", async () => {
  await assert.rejects(
    configure(launchOf(["-c", "conf.py", "app"]), startStandIn("die-at-once")),
    /ended before it had run the configuration/,
  );
  const old = startStandIn("old-python");
  await assert.rejects(configure(launchOf(["-c", "conf.py", "app"]), old), /Python 3\.8\.10 .* is too old/);
  old.kill();
});

test("--check-config loads the application and says nothing when it is well", async () => {
  const nursery = startStandIn();
  const exit = await checkConfiguration(resolvedOf(["--check-config", "app"]), { cmd: "settings" }, nursery);
  assert.deepEqual(exit, { at: "exit", stdout: "", stderr: "", status: 0 });
  nursery.kill();
});

test("--print-config prints, and an application that cannot be loaded is shown with its traceback", async () => {
  const nursery = startStandIn("broken-app");
  const exit = await checkConfiguration(resolvedOf(["--print-config", "app"]), { cmd: "settings" }, nursery);
  assert.match(exit.stdout, /^workers +.*= 1$/m);
  assert.deepEqual([exit.stderr, exit.status], ["\nError while loading the application:\n\nTraceback: no app\n", 1]);
  nursery.kill();
});

const found = async (words: readonly string[], behaviour = "") => {
  const nursery = startStandIn(behaviour);
  const end = await findWorkerClass(resolvedOf([...words, "app"]), () => ({ cmd: "settings" }), nursery, readSurroundings());
  nursery.kill();
  return end;
};

test("a direct worker class is looked at before the server starts", async () => {
  const refused = { at: "exit", stdout: "", stderr: "\nError: class uri\n", status: 1 };
  assert.deepEqual(await found(["-k", "nope"], "broken-app"), refused);
  assert.deepEqual(await found([], "broken-app"), resolvedOf(["app"]));
  assert.deepEqual(await found(["-k", "nope"]), resolvedOf(["-k", "nope", "app"]));
});

test("uvicorn's classes become asgi workers: by name without a look, derived ones by what the nursery found", async () => {
  const named = await found(["-k", "uvicorn_worker.UvicornH11Worker"], "broken-app");
  assert.ok(named.at === "resolved");
  assert.deepEqual([named.settings.asgi_loop, named.workerClass], ["asyncio", "uvicorn_worker.UvicornH11Worker"]);
  const derived = await found(["-k", "mine.Worker"], "uvicorn-class");
  assert.ok(derived.at === "resolved");
  assert.deepEqual([derived.settings.root_path, derived.uvicorn?.ways?.factory], ["/x", false]);
});
