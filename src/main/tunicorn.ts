/** The master's entry. What takes longest to start is started first: Python boots while the rest of this program is still being read. */

import { readFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { catchSignals } from "../arbiter/master-signals.ts";
import { NurseryProcess } from "../arbiter/nursery-process.ts";
import { findPython, guessPythonSearch } from "../arbiter/python-finder.ts";
import { type StartContext, takeStart } from "../arbiter/start-context.ts";

/** Put in by the build; absent when run from the sources. */
declare const TUNICORN_VERSION: string | undefined;

catchSignals();

const built = typeof TUNICORN_VERSION === "string";
const root = new URL(built ? "../" : "../../", import.meta.url);
const pathOf = (name: string): string => fileURLToPath(new URL(name, root));

const version: string = built ? TUNICORN_VERSION : JSON.parse(readFileSync(pathOf("package.json"), "utf8")).version;
const [, program = "", ...words] = process.argv;
const context = takeContext();

/** Without one of these, SIGUSR1 to a young Node process opens its inspector; the launcher gave one to this process. */
const INSPECTOR_FLAGS = /^--(inspect-port|disable-sigusr1)/;
const inspectorFlags = process.execArgv.filter((flag) => INSPECTOR_FLAGS.test(flag));
/**
 * The gateway's garbage is young and short-lived: a larger nursery for it is collected less often, and threads that help with a
 * heap of a few megabytes cost more than they bring [measured: a fifth of the processor time of a request with twelve headers].
 * 16 MB instead of 4 were no faster and cost 33 MB of memory [measured].
 *
 * Pretenuring: what happens to live while the server starts, V8 then makes in the old generation for good. There the parts of a
 * request, dead a millisecond later, keep the rest of it alive: a quarter of all garbage was copied twice, a tenth of the gateway's
 * time, and its heap was 27 MB instead of 10 [measured].
 */
const HEAP_FLAGS = ["--single-threaded-gc", "--min-semi-space-size=4", "--max-semi-space-size=4", "--no-allocation-site-pretenuring"];
const gatewayFlags = [
  ...HEAP_FLAGS,
  ...(inspectorFlags.length > 0 ? inspectorFlags : ["--inspect-port=0.0.0.1:1024"]),
  ...(built ? [] : ["--import", pathOf("scripts/typescript.mjs")]),
];
const gatewayProgram = pathOf(built ? "dist/gateway.cjs" : "src/main/gateway.ts");
const gateway = { cmd: "gateway", node: process.execPath, flags: gatewayFlags, program: gatewayProgram, env: {} };

function takeContext(): StartContext {
  try {
    return takeStart(process.env, [process.execPath, ...process.execArgv, program], words);
  } catch (error) {
    writeSync(2, `\nError: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

/** argv as Gunicorn's process would show it to the application. */
const shownArguments = JSON.stringify(["tunicorn", ...words]);
// The master goes where `chdir` says; what a later nursery imports and reads is still to be found as at the start.
const directory = process.cwd();
const startNursery = (python: string, env: NodeJS.ProcessEnv = {}): NurseryProcess =>
  new NurseryProcess({
    python,
    program: pathOf("python/tunicorn_worker/__main__.py"),
    env: { ...process.env, TUNICORN_ARGV: shownArguments, ...env },
    directory,
  });

const named = (...names: string[]): boolean => words.some((word) => names.includes(word));

function startFirstNursery(): NurseryProcess | undefined {
  if (named("-h", "--help", "-v", "--version")) return undefined;
  const python = findPython(guessPythonSearch(words, process.env, directory));
  if (named("--check-config", "--print-config")) return startNursery(python);
  // A successor starts the gateway when it has a worker.
  if (context.origin.predecessor !== undefined) return startNursery(python);
  // Node takes longest to boot: the gateway begins before anything else of the nursery, and long before its settings are known.
  const early = startNursery(python, { TUNICORN_GATEWAY: [process.execPath, ...gatewayFlags, gatewayProgram].join("\n") });
  early.startGateway({ ...gateway, gateway: 0 });
  return early;
}

const nursery = startFirstNursery();
void import("../arbiter/run.ts").then(({ runMaster }) => runMaster({ name: "tunicorn", version, context, nursery, startNursery, gateway }));
