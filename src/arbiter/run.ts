/** The master's way from its command line to a serving arbiter. */

import { constants } from "node:os";
import {
  displayValue,
  type Exit,
  GUNICORN_VERSION,
  noEffectNotes,
  parse,
  type Resolved,
  refuseUnsupported,
  SETTING_NAMES,
  type Settings,
  settingsToJson,
  workerKind,
} from "../settings/index.ts";
import { type ErrorLog, writeFully } from "../telemetry/error-log.ts";
import { Arbiter } from "./arbiter.ts";
import type { Certificates } from "./certificates.ts";
import { checkConfiguration, configCommand, configure, findWorkerClass } from "./configure.ts";
import { becomesDaemon, startDaemon } from "./daemon.ts";
import { openLogs } from "./log-files.ts";
import { takeSignals } from "./master-signals.ts";
import type { NurseryProcess } from "./nursery-process.ts";
import { PidFile } from "./pid-file.ts";
import { planFromSettings } from "./plan-from-settings.ts";
import { findPython } from "./python-finder.ts";
import { readSurroundings } from "./surroundings.ts";

const STDOUT = 1;
const STDERR = 2;
const DAEMON_UNDER_SYSTEMD = "Warning: you shouldn't specify `daemon = True` when launching by systemd with `Type = notify`\n";
/** What Gunicorn exits with when its loop fails. */
const UNHANDLED_CODE = 255;

export interface Start {
  readonly name: string;
  readonly version: string;
  /** What stands behind the command's name. */
  readonly words: readonly string[];
  /** Started on a guess on the first line of the program; undefined when the command line looked as if no Python was needed. */
  readonly nursery: NurseryProcess | undefined;
  readonly startNursery: (python: string) => NurseryProcess;
  /** The command that makes the nursery start the gateway. */
  readonly gateway: object;
}

/** Runs the master; returns once it serves, or ends the process. */
export async function runMaster(start: Start): Promise<void> {
  let { nursery } = start;
  const end = ({ stdout, stderr, status }: Exit): void => {
    writeFully(STDOUT, stdout);
    writeFully(STDERR, stderr);
    nursery?.kill();
    process.exit(status);
  };
  // Until there is something to stop gracefully, a signal to stop ends the program as it would any other.
  takeSignals((name) => {
    const signal = `SIG${name.toUpperCase()}` as NodeJS.Signals;
    if (name === "term" || name === "int" || name === "quit")
      end({ at: "exit", stdout: "", stderr: "", status: 128 + constants.signals[signal] });
  });
  const inBackground = becomesDaemon(process.env);
  const surroundings = readSurroundings();
  const launch = parse(start.words, start, surroundings);
  if (launch.at === "exit") return end(launch);
  writeFully(STDERR, launch.stderr);
  try {
    nursery ??= start.startNursery(findPython({ python: undefined, virtualEnv: undefined, directory: surroundings.cwd }));
    let resolved = await configure(launch, nursery);
    if (resolved.at === "exit") return end(resolved);
    const python = findPython({
      python: resolved.settings.python ?? undefined,
      virtualEnv: surroundings.env.VIRTUAL_ENV || undefined,
      directory: resolved.settings.chdir,
    });
    if (python !== nursery.program.python) {
      // The guess was wrong: once more with the right one, which may see another configuration.
      nursery.discard();
      nursery = start.startNursery(python);
      resolved = await configure(launch, nursery);
      if (resolved.at === "exit") return end(resolved);
    }
    writeFully(STDERR, resolved.stderr);
    const command = (each: Resolved): object => settingsCommand(each, start.version);
    if (resolved.settings.print_config) return end(await checkConfiguration(resolved, command(resolved), nursery));
    resolved = await findWorkerClass(resolved, command, nursery, surroundings);
    if (resolved.at === "exit") return end(resolved);
    const refused = refuseUnsupported(resolved);
    if (refused !== undefined) return end(refused);
    const settingsMessage = command(resolved);
    const { settings } = resolved;
    const certificates = await openCertificates(settings);
    if (settings.check_config) return end(await checkConfiguration(resolved, settingsMessage, nursery));
    if (settings.daemon && !inBackground) {
      if (process.env.NOTIFY_SOCKET) writeFully(STDERR, DAEMON_UNDER_SYSTEMD);
      startDaemon(settings, start.words, surroundings.cwd);
      return end({ at: "exit", stdout: "", stderr: "", status: 0 });
    }
    const messages = { config: launch.config && configCommand(launch.config), settings: settingsMessage };
    serve(start, resolved, messages, nursery, certificates);
  } catch (error) {
    end({ at: "exit", stdout: "", stderr: `\nError: ${(error as Error).message}\n`, status: 1 });
  }
}

/** What every nursery after the first is told as well. */
interface NurseryMessages {
  readonly config: object | undefined;
  readonly settings: object;
}

/** @throws {Error} with Gunicorn's text for what can only be found wrong now: logs, addresses, the pid file. */
function serve(
  start: Start,
  resolved: Resolved,
  messages: NurseryMessages,
  nursery: NurseryProcess,
  certificates: Certificates | undefined,
): void {
  const { settings, workerClass } = resolved;
  process.chdir(settings.chdir);
  const logs = openLogs(settings, process.pid);
  const { log } = logs;
  const { python } = nursery.program;
  const { version } = start;
  const { gatewayUnderWay } = nursery;
  const hasConfig = messages.config !== undefined;
  const plan = planFromSettings(settings, { version, pid: process.pid, python, gatewayUnderWay, hasConfig, workerClass });
  const pidFile = settings.pidfile === null ? undefined : new PidFile(settings.pidfile, process.pid);
  logSettings(log, resolved);
  process.title = `tunicorn: master [${settings.proc_name ?? settings.default_proc_name}]`;
  process.on("uncaughtException", (error) => {
    log.write("error", `Unhandled exception in main loop\n${error.stack}`);
    pidFile?.remove();
    process.exit(UNHANDLED_CODE);
  });
  const arbiter = new Arbiter({
    plan,
    nursery,
    startNursery: () => start.startNursery(python),
    configMessage: messages.config,
    settingsMessage: messages.settings,
    gatewayMessage: start.gateway,
    configureMessage: () => ({ cmd: "configure", settings, tls: certificates?.material }),
    logs,
    pidFile,
    reloadEngine: settings.reload === true ? (settings.reload_engine ?? "auto") : undefined,
    exit: (code) => process.exit(code),
  });
  certificates?.watch(log, (material) => arbiter.onCertificates(material));
  arbiter.start();
  takeSignals((name) => {
    arbiter.onSignal(name);
    if (name === "hup") certificates?.readAgain();
  });
}

/** @returns undefined without TLS; its modules are not even loaded then. @throws {Error} that says which file is wrong. */
async function openCertificates(settings: Settings): Promise<Certificates | undefined> {
  if (settings.certfile === null && settings.keyfile === null) return undefined;
  const { Certificates } = await import("./certificates.ts");
  return new Certificates(settings);
}

function logSettings(log: ErrorLog, resolved: Resolved): void {
  if (log.isEnabled("debug")) {
    const lines = SETTING_NAMES.map((name) => `  ${name}: ${displayValue(resolved.settings, name)}`);
    log.write("debug", `Current configuration:\n${lines.join("\n")}`);
  }
  for (const note of noEffectNotes(resolved)) log.write("info", note);
  const note = resolved.uvicorn?.note;
  if (note !== undefined) log.write(note.level, note.text);
}

function settingsCommand({ settings, application, uvicorn }: Resolved, version: string): object {
  return {
    cmd: "settings",
    values: settingsToJson(settings),
    app: application.uri,
    serverSoftware: `gunicorn/${GUNICORN_VERSION} tunicorn/${version}`,
    version,
    titlePrefix: "tunicorn: ",
    workerKind: workerKind(settings),
    uvicorn: uvicorn?.ways ?? null,
  };
}
