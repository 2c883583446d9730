/**
 * From the command line to checked settings, in the two steps between which the config file is run:
 *
 * 1. `parse` reads defaults, environment, command line and GUNICORN_CMD_ARGS and says which config file to run;
 * 2. `resolve` takes the file's values and lays everything over each other, the later over the earlier:
 *    defaults and environment, Paste file, config file, GUNICORN_CMD_ARGS, command line. Values are replaced whole, never merged.
 */

import { type Plain, type PyValue, pythonValue, reprString, str } from "../base/python-repr.ts";
import { type CommandLine, type Program, parseCommandLine } from "./command-line.ts";
import { type ConfigSource, extensionWarning, findConfig } from "./config-file.ts";
import { type Exit, exitWithError } from "./exit.ts";
import { logsInPython } from "./log-writer.ts";
import { absolutePath } from "./posix-path.ts";
import { splitShellWords } from "./shlex.ts";
import type { Surroundings } from "./surroundings.ts";
import { ENTRIES, isSettingName, type SettingName, type Settings, TABLE } from "./table.ts";
import type { UvicornFindings } from "./uvicorn-class.ts";
import { workerClassName } from "./worker-class.ts";

/** Where a value comes from. */
export type Origin =
  | "default"
  | `environment ${string}`
  | "paste"
  | `config file ${string}`
  | "GUNICORN_CMD_ARGS"
  | "command line"
  | "control socket";

/** A default as written, before its check. */
interface RawDefault {
  readonly value: Plain;
  readonly origin: Origin;
}

/** A command line that was understood. */
export interface Launch {
  readonly at: "launch";
  readonly surroundings: Surroundings;
  readonly defaults: ReadonlyMap<SettingName, RawDefault>;
  readonly fromVariable: CommandLine;
  readonly fromCommandLine: CommandLine;
  /** Undefined without `--paste`. */
  readonly paste: PasteFile | undefined;
  /** What to run before `resolve`; undefined when there is none. */
  readonly config: ConfigSource | undefined;
  /** To be written to standard error before the configuration is run. */
  readonly stderr: string;
}

interface PasteFile {
  /** `"/srv/production.ini#admin"` */
  readonly uri: string;
  /** `"/srv/production.ini"` */
  readonly path: string;
  readonly hasLoggers: boolean;
}

export interface Application {
  readonly kind: "wsgi" | "paste";
  /** `"module:obj"`, or `"/srv/production.ini#admin"` */
  readonly uri: string;
}

export interface Resolved {
  readonly at: "resolved";
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** What the settings would be if nobody had set any, on this machine. */
  readonly defaults: Settings;
  readonly application: Application;
  /** The worker class's name as the log shows it. */
  readonly workerClass: string;
  /** Set for a class of uvicorn's (uvicorn-class.ts). */
  readonly uvicorn?: UvicornFindings;
  /** Warnings, to be written to standard error. */
  readonly stderr: string;
}

/** Names of all settings, which the nursery picks from the configuration's globals. */
export const SETTING_NAMES: readonly SettingName[] = ENTRIES.map(([name]) => name);

/** First step. @param words  What stands behind the command's name. */
export function parse(words: readonly string[], program: Program, surroundings: Surroundings): Launch | Exit {
  try {
    return parseLayers(words, program, surroundings);
  } catch (error) {
    return exitWithError(messageOf(error));
  }
}

function parseLayers(words: readonly string[], program: Program, surroundings: Surroundings): Launch | Exit {
  const defaults = readDefaults(surroundings);
  // Before the command line: a bad variable of the environment is an error even of --help, as with Gunicorn.
  checkDefaults(defaults, surroundings, []);
  const help = { columns: columnsOf(surroundings), defaults: new Map([...defaults].map(([name, { value }]) => [name, value])) };
  const fromCommandLine = parseCommandLine(words, program, help);
  if (fromCommandLine.at === "exit") return fromCommandLine;
  const paste = readPaste(fromCommandLine, surroundings);
  const fromVariable = parseCommandLine(splitShellWords(surroundings.env.GUNICORN_CMD_ARGS ?? ""), program, help);
  if (fromVariable.at === "exit") return fromVariable;
  const config = findConfig(textOf(fromCommandLine, "config") || textOf(fromVariable, "config"), surroundings);
  if (config !== undefined && "at" in config) return config;
  const stderr = config === undefined ? "" : extensionWarning(config);
  return { at: "launch", surroundings, defaults, fromVariable, fromCommandLine, paste, config, stderr };
}

const COLUMNS_DEFAULT = 80;

function columnsOf({ env, terminalColumns }: Surroundings): number {
  const columns = /^\s*\+?\d+\s*$/.test(env.COLUMNS ?? "") ? Number(env.COLUMNS) : 0;
  return columns || terminalColumns || COLUMNS_DEFAULT;
}

function readDefaults(surroundings: Surroundings): Map<SettingName, RawDefault> {
  return new Map(
    ENTRIES.map(([name, entry]) => {
      const found = entry.surroundingDefault?.(surroundings);
      if (found === undefined) return [name, { value: entry.default, origin: "default" }];
      return [name, { value: found.value, origin: found.variable === undefined ? "default" : `environment ${found.variable}` }];
    }),
  );
}

function textOf({ values }: CommandLine, name: SettingName): string | undefined {
  const value = values.get(name);
  return value?.t === "str" ? value.v : undefined;
}

function readPaste(commandLine: CommandLine, surroundings: Surroundings): PasteFile | undefined {
  const option = textOf(commandLine, "paste");
  if (option === undefined || option === "") return undefined;
  const uri = absolutePath(surroundings.cwd, option);
  const path = uri.split("#", 1)[0] ?? "";
  if (!surroundings.exists(path)) throw new Error(`${reprString(path)} not found`);
  return { uri, path, hasLoggers: /^\[loggers\]/m.test(surroundings.readText(path)) };
}

/**
 * Second step.
 *
 * @param configValues  The configuration's globals that name settings, in the order of their definition.
 */
export function resolve(launch: Launch, configValues: readonly (readonly [string, PyValue])[] = []): Resolved | Exit {
  const warnings: string[] = [];
  const printed = (): string => warnings.map((line) => `${line}\n`).join("");
  const layered = new LayeredValues(launch, warnings);
  /** Said ahead of the error when a config file holds the value. */
  let culprit = "";
  try {
    layered.setInitial();
    for (const [name, value] of configValues) {
      if (!isSettingName(name)) continue;
      culprit = `Invalid value for ${name}: ${str(value)}\n\n`;
      layered.set(name, value, `config file ${launch.config?.shown ?? ""}`);
    }
    culprit = "";
    for (const [name, value] of launch.fromVariable.values) layered.set(name, value, "GUNICORN_CMD_ARGS");
    for (const [name, value] of launch.fromCommandLine.values) layered.set(name, value, "command line");
    const settings = layered.settings();
    const application = findApplication(launch, settings);
    checkTogether(settings, layered.origins(), warnings);
    const [origins, workerClass] = [layered.origins(), workerClassName(settings)];
    return { at: "resolved", settings, origins, defaults: layered.defaults, application, workerClass, stderr: printed() };
  } catch (error) {
    return exitWithError(messageOf(error), printed() + culprit);
  }
}

/** Settings under construction. */
class LayeredValues {
  /** Values without any layer. */
  readonly defaults: Settings;
  readonly #launch: Launch;
  readonly #warnings: string[];
  readonly #values: Map<SettingName, unknown>;
  readonly #origins: Map<SettingName, Origin>;

  constructor(launch: Launch, warnings: string[]) {
    this.#launch = launch;
    this.#warnings = warnings;
    this.#values = checkDefaults(launch.defaults, launch.surroundings, warnings);
    this.#origins = new Map([...launch.defaults].map(([name, { origin }]) => [name, origin]));
    this.defaults = this.settings();
  }

  set(name: SettingName, value: PyValue, origin: Origin): void {
    const context = { surroundings: this.#launch.surroundings, warn: (line: string) => this.#warnings.push(line) };
    this.#values.set(name, TABLE[name].kind.check(value, context));
    this.#origins.set(name, origin);
  }

  /** What the command line says about the application's name, before any file: a file may still say otherwise. */
  setInitial(): void {
    const { paste, fromCommandLine } = this.#launch;
    const [application] = fromCommandLine.words;
    if (paste !== undefined) {
      this.set("default_proc_name", pythonValue(paste.path), "paste");
      if (paste.hasLoggers) this.set("logconfig", pythonValue(paste.path), "paste");
    } else if (application !== undefined) {
      this.set("default_proc_name", pythonValue(application), "command line");
    }
  }

  /** The values so far. Every name has one of its kind: that is what the checks are for, and where the compiler must believe us. */
  settings(): Settings {
    return Object.fromEntries(this.#values) as unknown as Settings;
  }

  origins(): Record<SettingName, Origin> {
    return Object.fromEntries(this.#origins) as Record<SettingName, Origin>;
  }
}

/** Checks the defaults. None passes unchecked, as it means "not set". @throws {Error} */
function checkDefaults(
  defaults: ReadonlyMap<SettingName, RawDefault>,
  surroundings: Surroundings,
  warnings: string[],
): Map<SettingName, unknown> {
  const context = { surroundings, warn: (line: string) => warnings.push(line) };
  return new Map(
    [...defaults].map(([name, { value }]) => [name, value === null ? null : TABLE[name].kind.check(pythonValue(value), context)]),
  );
}

function findApplication({ paste, fromCommandLine }: Launch, settings: Settings): Application {
  const uri = paste?.uri ?? fromCommandLine.words[0] ?? settings.wsgi_app;
  if (uri === null || uri === undefined) throw new Error("No application module specified.");
  return { kind: settings.paste === null ? "wsgi" : "paste", uri };
}

/** Checks settings against each other. */
function checkTogether(settings: Settings, origins: Record<SettingName, Origin>, warnings: string[]): void {
  if (settings.log_format === "json" && logsInPython(settings))
    throw new Error("log_format is json, but logger_class, logconfig* or syslog have a Python logger write: its formatters say how");
  if (settings.request_id_echo === true && settings.request_id_header === null)
    throw new Error("request_id_echo is set without a request_id_header");
  const hasTls = Boolean(settings.certfile || settings.keyfile);
  if (settings.http_protocols.includes("h2") && !hasTls && settings.http2_cleartext === "off") {
    warnings.push(
      "Warning: http_protocols includes h2 but there is no TLS and http2_cleartext is off, so HTTP/2 will never be negotiated.",
    );
  }
  if (origins.ssl_context !== "default" && !hasTls) {
    warnings.push("Warning: ssl_context is set but neither certfile nor keyfile is: there is no TLS, and the hook is not called.");
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  throw error;
}
