/**
 * `npm test`: builds, then runs every check and every test. `npm test -- PART...` runs less:
 *
 *   lint      biome, tsc, ruff, mypy
 *   python    pytest
 *   unit      TypeScript tests without servers
 *   server    tests of whole servers, against Gunicorn and Tunicorn
 *   packaging the npm package, npm start, the lock file, the pages
 *   soak      long runs one after another, test/**\/*.soak.ts; only when named
 *   any other text: the test files, TypeScript and Python, whose path contains it
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

const PARTS = ["lint", "python", "unit", "server", "packaging", "soak"];
/** Two cores are what CI has. */
const CONCURRENCY = 2;
/** Tests of servers mostly wait. */
const SERVER_CONCURRENCY = 3;
/** For a test and for a file of tests. Only what hangs meets it: the longest file takes two minutes and a half on two cores, and CI may be four times slower. */
const TEST_TIMEOUT_MS = 1_200_000;
/** The same for a whole step. */
const STEP_TIMEOUT_MS = 3_600_000;
/** For one soak, and for all of them: minutes on an idle machine, and they may share a busy one. */
const SOAK_TIMEOUT_MS = 3_600_000;
const VENV = ".venv-test";
const VENV_BIN = join(VENV, "bin");
const PINS = "test/requirements.txt";
/** Copy of the pins that .venv-test was made from; written last, so that a broken installation is made again. */
const PINS_INSTALLED = join(VENV, "requirements.txt");

const results = [];

/** Runs one command with its output shown, and notes how it ended. */
function step(name, command, args, timeout = STEP_TIMEOUT_MS) {
  console.log(`\n== ${name}`);
  const startedMs = Date.now();
  const { status, signal, error } = spawnSync(command, args, { stdio: "inherit", timeout });
  if (error !== undefined) console.error(`cannot run ${command}: ${error.message}`);
  const outcome = status === 0 ? "ok" : signal === null ? "FAILED" : `FAILED (${signal})`;
  results.push({ name, outcome, seconds: (Date.now() - startedMs) / 1000 });
  return status === 0;
}

/** Makes .venv-test unless it holds what test/requirements.txt asks for. */
function prepareVenv() {
  const pins = readFileSync(PINS, "utf8");
  if (existsSync(PINS_INSTALLED) && readFileSync(PINS_INSTALLED, "utf8") === pins) return true;
  rmSync(VENV, { recursive: true, force: true });
  const made =
    step("make .venv-test", "python3", ["-m", "venv", VENV]) &&
    step("install test/requirements.txt", join(VENV_BIN, "python"), [
      "-m",
      "pip",
      "install",
      "--disable-pip-version-check",
      "-q",
      "-r",
      PINS,
    ]);
  if (made) writeFileSync(PINS_INSTALLED, pins);
  return made;
}

/** Without an nginx the tests that need one fail and say so; the others still run. */
function prepareNginx() {
  step("nginx", process.execPath, ["--import", "./scripts/typescript.mjs", "test/server/install-nginx.ts"]);
}

/** The same for h2spec, which needs the Go toolchain: not every machine has it, so it is a soak. */
function prepareH2spec() {
  step("h2spec", process.execPath, ["--import", "./scripts/typescript.mjs", "test/server/install-h2spec.ts"]);
}

function filesUnder(folder, suffix) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith(suffix))
    .sort();
}

function nodeTests(name, files, { concurrency = CONCURRENCY, timeout = TEST_TIMEOUT_MS, stepTimeout = STEP_TIMEOUT_MS } = {}) {
  // Without files `node --test` would look for some by itself.
  if (files.length === 0) {
    results.push({ name: `${name}: there are none`, outcome: "FAILED", seconds: 0 });
    return;
  }
  const runner = ["--test", `--test-concurrency=${concurrency}`, `--test-timeout=${timeout}`];
  const reporter = ["--test-reporter=./scripts/test-reporter.mjs", "--test-reporter-destination=stdout"];
  step(name, process.execPath, ["--import", "./scripts/typescript.mjs", ...runner, ...reporter, ...files], stepTimeout);
}

/** One at a time: soaks measure time and memory. */
function soaks(name, files) {
  nodeTests(name, files, { concurrency: 1, timeout: SOAK_TIMEOUT_MS, stepTimeout: SOAK_TIMEOUT_MS });
}

function lint() {
  step("biome", "node_modules/.bin/biome", ["check"]);
  step("tsc", "node_modules/.bin/tsc", ["-p", "."]);
  step("ruff check", join(VENV_BIN, "ruff"), ["check", "."]);
  step("ruff format", join(VENV_BIN, "ruff"), ["format", "--check", "."]);
  step("mypy", join(VENV_BIN, "mypy"), []);
}

function main(args) {
  const parts = args.filter((arg) => PARTS.includes(arg));
  const patterns = args.filter((arg) => !PARTS.includes(arg));
  const wanted = (part) => (args.length === 0 ? part !== "soak" : parts.includes(part));
  const matches = (file) => patterns.some((pattern) => file.includes(pattern));

  const built = step("build", process.execPath, ["scripts/build.mjs"]);
  const prepared = prepareVenv();
  if (!built || !prepared) return;

  if (wanted("server") || wanted("soak") || patterns.length > 0) prepareNginx();
  if (wanted("soak") || patterns.some((pattern) => "h2spec".includes(pattern))) prepareH2spec();

  const all = filesUnder("test", ".test.ts");
  const isIn = (folder) => (file) => file.startsWith(join("test", folder));
  const isServerTest = isIn("server");
  const isPackagingTest = isIn("packaging");
  if (wanted("lint")) lint();
  if (wanted("python")) step("pytest", join(VENV_BIN, "pytest"), []);
  if (wanted("unit"))
    nodeTests(
      "unit tests",
      all.filter((file) => !isServerTest(file) && !isPackagingTest(file)),
    );
  if (wanted("server")) nodeTests("whole-server tests", all.filter(isServerTest), { concurrency: SERVER_CONCURRENCY });
  if (wanted("packaging")) nodeTests("packaging tests", all.filter(isPackagingTest));
  if (wanted("soak")) soaks("soak tests", filesUnder("test", ".soak.ts"));
  if (patterns.length > 0) matching(matches, all);
}

function matching(matches, all) {
  const typescript = all.filter(matches);
  const soak = filesUnder("test", ".soak.ts").filter(matches);
  const python = filesUnder("test/python", ".py").filter((file) => /[/]test_[^/]*$/.test(file) && matches(file));
  if (typescript.length > 0) nodeTests("matching TypeScript tests", typescript);
  if (soak.length > 0) soaks("matching soak tests", soak);
  if (python.length > 0) step("matching Python tests", join(VENV_BIN, "pytest"), python);
  if (typescript.length + soak.length + python.length === 0)
    results.push({ name: "no test file's path contains that", outcome: "FAILED", seconds: 0 });
}

main(process.argv.slice(2));

console.log("\n== summary");
for (const { name, outcome, seconds } of results) console.log(`${outcome.padEnd(8)} ${name} (${seconds.toFixed(1)} s)`);
const failed = results.filter(({ outcome }) => outcome !== "ok");
console.log(failed.length === 0 ? "all passed" : `${failed.length} of ${results.length} steps failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
