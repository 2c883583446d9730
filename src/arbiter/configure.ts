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
  isDirect,
  type Launch,
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

/** @returns the settings, or how the program ends without them. */
export async function configure(launch: Launch, nursery: NurseryProcess): Promise<Resolved | Exit> {
  const { config } = launch;
  if (config === undefined) return resolve(launch);
  const ran = await runConfig(config, nursery);
  if (ran.status === "ok") return resolve(launch, ran.values ?? []);
  return configFailed(config, { status: ran.status, text: ran.text ?? "", code: ran.code ?? 1 });
}

/** The contract's `run-config`. */
export function configCommand({ kind, location }: ConfigSource): object {
  return { cmd: "run-config", kind, location, names: SETTING_NAMES };
}

async function runConfig(source: ConfigSource, nursery: NurseryProcess): Promise<ConfigRan> {
  nursery.send(configCommand(source));
  const answer = await nextMessage(nursery, "config-ran");
  return answer as unknown as ConfigRan;
}

/** `--check-config` and `--print-config`: shows, loads the application once, and ends. */
export async function checkConfiguration(resolved: Resolved, settingsMessage: object, nursery: NurseryProcess): Promise<Exit> {
  const stdout = resolved.settings.print_config ? printConfig(resolved.settings) : "";
  nursery.send(settingsMessage);
  nursery.send({ cmd: "check-app" });
  const { status, text } = (await nextMessage(nursery, "app-checked")) as unknown as Checked;
  return { at: "exit", stdout, stderr: text === "" ? "" : `\nError while loading the application:\n\n${text}`, status };
}

/**
 * Looks whether a direct worker class is there and content, before anything is started. One that is uvicorn's, or derived from it
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
  if (!isDirect(resolved.settings)) return resolved;
  nursery.send(settingsMessage(resolved));
  nursery.send({ cmd: "check-class" });
  const { status, text } = (await nextMessage(nursery, "class-checked")) as unknown as Checked;
  if (status !== 0) return { at: "exit", stdout: "", stderr: text, status };
  return text === "" ? resolved : applyUvicornClass(resolved, JSON.parse(text) as UvicornClass, surroundings);
}

/**
 * Waits for one answer. What the nursery logs meanwhile goes to standard error: there is no log yet.
 *
 * @throws {Error} when the nursery ends, or cannot do it.
 */
function nextMessage(nursery: NurseryProcess, wanted: string): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((fulfil, reject) => {
    nursery.listenAside((happening) => {
      if (happening.what === "exit") {
        reject(new Error(happening.cause ?? `Python (${nursery.program.python}) ended before it had run the configuration`));
        return true;
      }
      const message = happening.message as Readonly<Record<string, unknown>>;
      switch (eventName(message)) {
        case wanted:
          fulfil(message);
          return true;
        case "failed":
          reject(new Error(String(message.text)));
          return true;
        case "log":
          writeFully(STDERR, `${String(message.text)}\n`);
          return true;
        case "hello": {
          const { python, executable } = message;
          if (!isPythonSupported(String(python))) reject(new Error(unsupportedPython(String(python), String(executable))));
          return false;
        }
        default:
          return false;
      }
    });
  });
}
