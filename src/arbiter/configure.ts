/** Reads the configuration: command line, then the config file, which the nursery runs, then everything laid over each other. */

import type { PyValue } from "../base/python-repr.ts";
import { isPythonSupported, unsupportedPython } from "../lifecycle/python-version.ts";
import {
  applyUvicornClass,
  applyUvicornOptions,
  type ConfigFailure,
  type ConfigSource,
  configFailed,
  type Exit,
  type Launch,
  needsCheck,
  printConfig,
  type Resolved,
  resolve,
  SETTING_NAMES,
  type Surroundings,
  type UvicornClass,
  uvicornOptions,
} from "../settings/index.ts";
import { writeFully } from "../telemetry/error-log.ts";
import type { NurseryProcess } from "./nursery-process.ts";
import { eventName } from "./received.ts";

const STDERR = 2;

/** The answers of the contract's §1 that are awaited before the mind begins. */
interface ConfigRan {
  readonly status: "ok" | ConfigFailure["status"];
  readonly values?: readonly (readonly [string, PyValue])[];
  readonly text?: string;
  readonly code?: number;
}

interface Checked {
  readonly status: number;
  readonly text: string;
}

/** @param run  Counts the runs of the configuration. @returns the settings, or how the program ends without them. */
export async function configure(launch: Launch, nursery: NurseryProcess, run = 0): Promise<Resolved | Exit> {
  const { config } = launch;
  if (config === undefined) return resolve(launch);
  const ran = await runConfig(config, nursery, run);
  if (ran.status === "ok") return resolve(launch, ran.values ?? []);
  return configFailed(config, { status: ran.status, text: ran.text ?? "", code: ran.code ?? 1 });
}

/** The contract's `run-config`. */
export function configCommand({ kind, location }: ConfigSource, run: number): object {
  return { cmd: "run-config", kind, location, names: SETTING_NAMES, run };
}

async function runConfig(source: ConfigSource, nursery: NurseryProcess, run: number): Promise<ConfigRan> {
  nursery.send(configCommand(source, run));
  const answer = await nextMessage(nursery, "config-ran", "run-config");
  return answer as unknown as ConfigRan;
}

/** `--check-config` and `--print-config`: shows, loads the application once, and ends. */
export async function checkConfiguration(resolved: Resolved, settingsMessage: object, nursery: NurseryProcess): Promise<Exit> {
  const stdout = resolved.settings.print_config ? printConfig(resolved.settings) : "";
  nursery.send(settingsMessage);
  nursery.send({ cmd: "check-app" });
  const { status, text } = (await nextMessage(nursery, "app-checked", "check-app")) as unknown as Checked;
  return { at: "exit", stdout, stderr: text === "" ? "" : `\nError while loading the application:\n\n${text}`, status };
}

/**
 * Looks whether the worker class is there and content, before anything is started. One that is uvicorn's, or derived from it
 * with nothing but other options, becomes an asgi worker.
 *
 * @returns how the program ends without the class.
 */
export async function findWorkerClass(
  resolved: Resolved,
  settingsMessage: (resolved: Resolved) => object,
  nursery: NurseryProcess,
  surroundings: Surroundings,
): Promise<Resolved | Exit> {
  const named = uvicornOptions(resolved.settings);
  if (named !== undefined) return applyUvicornOptions(resolved, named, surroundings);
  if (!needsCheck(resolved.settings)) return resolved;
  nursery.send({ cmd: "check-class", settings: settingsMessage(resolved) });
  const { status, text } = (await nextMessage(nursery, "class-checked", "check-class")) as unknown as Checked;
  if (status !== 0) return { at: "exit", stdout: "", stderr: text, status };
  return text === "" ? resolved : applyUvicornClass(resolved, JSON.parse(text) as UvicornClass, surroundings);
}

/**
 * Waits for one answer. What the nursery logs meanwhile goes to standard error while there is no log yet.
 *
 * @param command  What is to be answered.
 * @throws {Error} when the nursery ends, or cannot do it.
 */
export function nextMessage(nursery: NurseryProcess, wanted: string, command: string): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((fulfil, reject) => {
    const fail = (text: string): void => reject(new Error(text));
    nursery.listenAside((happening) => {
      if (happening.what === "exit") {
        fail(happening.cause ?? `Python (${nursery.program.python}) ended before it had run the configuration`);
        // Whoever serves has to know it as well.
        return nursery.isHeard ? "left" : "taken";
      }
      const message = happening.message as Readonly<Record<string, unknown>>;
      switch (eventName(message)) {
        case wanted:
          fulfil(message);
          return "last";
        case "failed":
          if (nursery.isHeard && message.cmd !== command) return "left";
          fail(String(message.text));
          return "last";
        case "log":
          if (nursery.isHeard) return "left";
          writeFully(STDERR, `${String(message.text)}\n`);
          return "taken";
        case "hello": {
          const { python, executable } = message;
          if (!isPythonSupported(String(python))) fail(unsupportedPython(String(python), String(executable)));
          return "left";
        }
        default:
          return "left";
      }
    });
  });
}
