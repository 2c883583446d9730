/** How this master was started: what a new start of the same command needs, and what of its environment is for it alone. */

import { statSync } from "node:fs";
import { type Origin, readOrigin } from "../lifecycle/inheritance.ts";
import { watchdogPeriodMs } from "../lifecycle/service-notes.ts";

export interface StartContext {
  /** The environment as the user gave it. */
  readonly env: NodeJS.ProcessEnv;
  /** Where the user was, by the name by which he had gone there: a symbolic link may lead elsewhere by the next start. */
  readonly directory: string;
  /** The program and the words before the user's: the launcher, by the name that the user typed, for the same reason. */
  readonly command: readonly string[];
  /** The user's words. */
  readonly words: readonly string[];
  /** The user's soft limit of open files, in digits or `unlimited`: Node has raised ours. Undefined: not known. */
  readonly openFiles: string | undefined;
  /** This process, or the init above it, is the first of a container. */
  readonly containerEndsWithUs: boolean;
  readonly serviceManager: ServiceManager | undefined;
  readonly origin: Origin;
}

/** Whom NOTIFY_SOCKET names. */
export interface ServiceManager {
  /** A descriptor that is connected to it, or why there is none. */
  readonly connection: number | string;
  /** How often it wants to hear that we live; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
}

/** The launcher says by them what it has done; nobody else is to see them. */
const OF_THE_LAUNCHER = ["TUNICORN_COMMAND", "TUNICORN_INIT", "TUNICORN_NOTIFY"] as const;
/** The service manager means the master by them. An application that found them would speak for it. */
const OF_THE_SERVICE_MANAGER = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;
/** Says to the second start of the program that it is the one in the background; `becomesDaemon` takes it away. */
export const DAEMON_VARIABLE = "TUNICORN_DAEMON";
/** What bin/tunicorn has put aside, under a name of ours. */
const PUT_ASIDE = ["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"] as const;

/**
 * Looks at the environment and takes out of it what is for the master alone, before any other process is started.
 *
 * @param env      Is changed.
 * @param program  The Node program that runs and its flags: what is started again where no launcher was.
 * @param words    The user's.
 * @throws {Error} when variables of an upgrade or of socket activation make no sense.
 */
export function takeStart(env: NodeJS.ProcessEnv, program: readonly string[], words: readonly string[]): StartContext {
  const origin = readOrigin(env, process.pid);
  const context: StartContext = {
    env: usersEnvironment(env),
    directory: enteredDirectory(env),
    command: env.TUNICORN_COMMAND === undefined ? program : [env.TUNICORN_COMMAND],
    words,
    openFiles: env.TUNICORN_NOFILE,
    containerEndsWithUs: process.pid === 1 || env.TUNICORN_INIT !== undefined,
    serviceManager: serviceManagerOf(env, process.pid),
    origin,
  };
  for (const name of [...OF_THE_LAUNCHER, ...OF_THE_SERVICE_MANAGER, ...origin.spent]) delete env[name];
  return context;
}

function usersEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const result = { ...env };
  for (const name of PUT_ASIDE) {
    const value = env[`TUNICORN_${name}`];
    if (value !== undefined) result[name] = value;
    delete result[`TUNICORN_${name}`];
  }
  for (const name of [...OF_THE_LAUNCHER, "TUNICORN_NOFILE", DAEMON_VARIABLE]) delete result[name];
  return result;
}

/** `$PWD` keeps symbolic links; it may also be another process's. */
function enteredDirectory(env: NodeJS.ProcessEnv): string {
  const real = process.cwd();
  if (env.PWD === undefined) return real;
  const [named, here] = [statSync(env.PWD, { throwIfNoEntry: false }), statSync(real, { throwIfNoEntry: false })];
  return named !== undefined && named.ino === here?.ino && named.dev === here.dev ? env.PWD : real;
}

function serviceManagerOf(env: NodeJS.ProcessEnv, pid: number): ServiceManager | undefined {
  if (!env.NOTIFY_SOCKET) return undefined;
  const said = env.TUNICORN_NOTIFY ?? "tunicorn was not started by its launcher, bin/tunicorn";
  return { connection: /^\d+$/.test(said) ? Number(said) : said, watchdogMs: watchdogPeriodMs(env, pid) };
}
