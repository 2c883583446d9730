/** The master's way from its command line to a serving arbiter. */

import { constants } from "node:os";
import { parseBindAddress } from "../base/address.ts";
import type { MasterSignal } from "../lifecycle/event.ts";
import type { InheritedDescriptors } from "../lifecycle/inheritance.ts";
import type { LogLevel } from "../lifecycle/messages.ts";
import { type Exit, type Launch, parse, type Resolved, refuseUnsupported } from "../settings/index.ts";
import { type ErrorLog, writeFully } from "../telemetry/error-log.ts";
import { AdminPort } from "./admin-port.ts";
import { Arbiter } from "./arbiter.ts";
import { checkConfiguration, configure, findWorkerClass } from "./configure.ts";
import { becomesDaemon, startDaemon } from "./daemon.ts";
import { type EffectiveSettings, effectiveSettings, openCertificates, settingsCommand } from "./effective-settings.ts";
import { InheritedSockets } from "./inherited-sockets.ts";
import { takeSignals } from "./master-signals.ts";
import type { NurseryProcess } from "./nursery-process.ts";
import { Outward } from "./outward.ts";
import { findPython } from "./python-finder.ts";
import { ServiceNotifier } from "./service-notifier.ts";
import { SettingsReader } from "./settings-reader.ts";
import type { StartContext } from "./start-context.ts";
import { startSuccessor } from "./successor.ts";
import { readSurroundings } from "./surroundings.ts";

const STDOUT = 1;
const STDERR = 2;
const DAEMON_UNDER_SYSTEMD = "Warning: you shouldn't specify `daemon = True` when launching by systemd with `Type = notify`\n";
/** What Gunicorn exits with when its loop fails. */
const UNHANDLED_CODE = 255;

export interface Start {
  readonly name: string;
  readonly version: string;
  readonly context: StartContext;
  /** Started on a guess on the first line of the program; undefined when the command line looked as if no Python was needed. */
  readonly nursery: NurseryProcess | undefined;
  readonly startNursery: (python: string) => NurseryProcess;
  /** The command that makes the nursery start the gateway. */
  readonly gateway: object;
}

/** Runs the master; returns once it serves, or ends the process. */
export async function runMaster(start: Start): Promise<void> {
  let { nursery } = start;
  let cleanUp = (): void => {};
  const end = ({ stdout, stderr, status }: Exit): void => {
    cleanUp();
    writeFully(STDOUT, stdout);
    writeFully(STDERR, stderr);
    nursery?.kill();
    process.exit(status);
  };
  // Until there is something to stop gracefully, a signal to stop ends the program as it would any other; the others wait.
  const early: MasterSignal[] = [];
  takeSignals((name) => {
    const signal = `SIG${name.toUpperCase()}` as NodeJS.Signals;
    if (name === "term" || name === "int" || name === "quit")
      end({ at: "exit", stdout: "", stderr: "", status: 128 + constants.signals[signal] });
    else early.push(name);
  });
  const inBackground = becomesDaemon(process.env);
  const surroundings = readSurroundings();
  const { context } = start;
  // A reload looks for everything where the start did, whatever `chdir` says.
  const parseAgain = (): Launch | Exit => parse(context.words, start, surroundings);
  const launch = parseAgain();
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
    const certificates = await openCertificates(resolved, settingsMessage, nursery);
    if (settings.check_config) return end(await checkConfiguration(resolved, settingsMessage, nursery));
    if (settings.daemon && !inBackground && context.origin.predecessor === undefined) {
      if (context.serviceManager !== undefined) writeFully(STDERR, DAEMON_UNDER_SYSTEMD);
      startDaemon(settings, context);
      return end({ at: "exit", stdout: "", stderr: "", status: 0 });
    }
    const { gatewayUnderWay } = nursery;
    const { containerEndsWithUs, origin } = context;
    const { predecessor, sockets: inherited } = origin;
    const master = { version: start.version, pid: process.pid, python, gatewayUnderWay, predecessor, containerEndsWithUs, inherited };
    const effective = effectiveSettings(resolved, launch, master, certificates);
    const reader = new SettingsReader(parseAgain, master, surroundings);
    const arbiter = await serve(start, effective, nursery, reader, (undo) => {
      cleanUp = undo;
    });
    takeSignals((name) => arbiter.onSignal(name));
    for (const name of early) arbiter.onSignal(name);
  } catch (error) {
    end({ at: "exit", stdout: "", stderr: `\nError: ${(error as Error).message}\n`, status: 1 });
  }
}

/** @param onOutward  Gets what takes away again what the start has made. @throws {Error} with Gunicorn's text for what can only be found wrong now: logs, addresses, the pid file. */
async function serve(
  start: Start,
  settings: EffectiveSettings,
  nursery: NurseryProcess,
  reader: SettingsReader,
  onOutward: (cleanUp: () => void) => void,
): Promise<Arbiter> {
  const { python } = nursery.program;
  const { context } = start;
  let arbiter: Arbiter | undefined;
  const { sockets, predecessor } = context.origin;
  const inherited = new InheritedSockets(settings.plan.addresses);
  // The nursery of now: there is one as long as there is a log to be written.
  const relay = (level: LogLevel, text: string, pid: number): boolean => (arbiter?.nursery ?? nursery).log(level, text, pid);
  const outward = new Outward(settings.resolved, process.pid, predecessor !== undefined, relay);
  const { log } = outward;
  logNames(log, sockets);
  process.on("uncaughtException", (error) => {
    log.write("error", `Unhandled exception in main loop\n${error.stack}`);
    outward.removePidFile();
    process.exit(UNHANDLED_CODE);
  });
  const { bind } = settings.resolved.settings;
  const admin = new AdminPort(log);
  onOutward(() => {
    admin.end(predecessor !== undefined, () => {});
    outward.removePidFile();
  });
  await admin.start(settings.resolved.settings, context.origin.admin);
  arbiter = new Arbiter({
    settings,
    readSettings: (current, from) => reader.read(current, from),
    nursery,
    startNursery: () => start.startNursery(python),
    gatewayMessage: start.gateway,
    outward,
    inherited,
    ownsInherited: sockets?.from === "predecessor" && !bind.some((text) => parseBindAddress(text).kind === "fd"),
    notifier: new ServiceNotifier(context.serviceManager, (detail) => {
      log.write("warning", `cannot tell the service manager anything: ${detail}`);
    }),
    admin,
    startSuccessor: (listeners, onEnd) => startSuccessor(context, listeners, admin.sockets, onEnd),
    exit: (code) => process.exit(code),
  });
  arbiter.start();
  return arbiter;
}

/** systemd's names of the sockets that it has passed, for those who wonder which is which. */
function logNames(log: ErrorLog, sockets: InheritedDescriptors | undefined): void {
  for (const [index, name] of (sockets?.names ?? []).entries()) {
    log.write("debug", `socket from the service manager fd=${sockets?.descriptors[index]} name=${name}`);
  }
}
