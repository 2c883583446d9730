import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Surroundings } from "./server-process.ts";

const REQUIREMENTS = fileURLToPath(new URL("./requirements.txt", import.meta.url));
const VENV = fileURLToPath(new URL("../.venv-bench", import.meta.url));

/** Variables with which somebody's shell would give the servers other settings than the table of servers does. */
const SETTINGS_IN_ENVIRONMENT = /^(?:GUNICORN_|GRANIAN_|UWSGI_|PYTHON|DJANGO_|FLASK_|WEB_CONCURRENCY$|NODE_OPTIONS$)/;

const run = promisify(execFile);

/** Something the bench needs is not there; the message says what to do. */
export class SurroundingsError extends Error {
  override readonly name = "SurroundingsError";
}

/** What the bench runs in, and how to leave it. */
export interface PreparedSurroundings extends Surroundings {
  /** `v20.20.2`, of the Node that runs tunicorn. */
  readonly nodeVersion: string;
  /** One line about the machine, for the head of the table. */
  readonly machine: string;
  /** Removes the logs of the servers. */
  readonly remove: () => void;
}

async function runOrExplain(program: string, args: readonly string[], explanation: string): Promise<string> {
  try {
    return (await run(program, args)).stdout.trim();
  } catch (error) {
    throw new SurroundingsError(`${explanation}\n${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

async function requireWrk(): Promise<void> {
  // wrk --version exits with 1, so only a program that is not there counts.
  await run("wrk", ["--version"]).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new SurroundingsError("the bench needs wrk, which is not on PATH: install it (Debian and Ubuntu: apt install wrk)");
    }
  });
}

/** Makes .venv-bench, or keeps it when it was made of the same pins and the same Python. Returns the version of the interpreter. */
async function preparePython(python: string): Promise<string> {
  const version = await runOrExplain(
    python,
    ["-c", "import platform; print(platform.python_version())"],
    `cannot run the Python interpreter ${python}; --python names another`,
  );
  const stamp = join(VENV, "made-of.txt");
  const contents = `python ${version}\n${readFileSync(REQUIREMENTS, "utf8")}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === contents) return version;
  process.stderr.write("making .venv-bench with the pinned peers, uWSGI is compiled: this takes some minutes\n");
  await runOrExplain(python, ["-m", "venv", "--clear", VENV], `cannot make the virtual environment ${VENV}`);
  await runOrExplain(
    join(VENV, "bin", "python"),
    ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS],
    "cannot install the peers of bench/requirements.txt",
  );
  // Written last: an installation that was cut short is made again.
  writeFileSync(stamp, contents);
  return version;
}

/** Checks for wrk, prepares the peers and a PATH on which they, and the Node that tunicorn is to use, come first. */
export async function prepareSurroundings(wanted: { node: string; python: string }): Promise<PreparedSurroundings> {
  await requireWrk();
  const pythonVersion = await preparePython(wanted.python);
  const node = await runOrExplain(wanted.node, ["-p", "process.execPath"], `cannot run ${wanted.node} as Node`);
  const nodeVersion = await runOrExplain(node, ["--version"], `cannot run ${node} as Node`);
  const directory = mkdtempSync(join(tmpdir(), "tunicorn-bench-"));
  // A folder with nothing but `node` in it: its own folder may hold other programs that would be found before the peers.
  const nodeDirectory = join(directory, "node");
  mkdirSync(nodeDirectory);
  symlinkSync(node, join(nodeDirectory, "node"));
  const [cpu] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  return {
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS_IN_ENVIRONMENT.test(name))),
      VIRTUAL_ENV: VENV,
      PATH: [nodeDirectory, join(VENV, "bin"), process.env.PATH].join(delimiter),
    },
    logDirectory: directory,
    nodeVersion,
    machine: [
      `${cpus().length} x ${cpu?.model ?? "unknown processor"}`,
      `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
      `${process.platform} ${release()}`,
      `Node ${nodeVersion} for tunicorn`,
      `Python ${pythonVersion}`,
      `load before the start ${load.join(" ")}`,
    ].join(", "),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
