/**
 * The settings room. The way of a start, and of every reload:
 *
 * ```ts
 * const launch = parse(argv, program, surroundings);                     // Launch or Exit
 * // launch.config: the nursery runs it (command `run-config`); configFailed() tells how to end when that fails
 * const resolved = resolve(launch, configValues);                        // Resolved or Exit
 * refuseUnsupported(resolved); printConfig(resolved.settings); settingsToJson(resolved.settings);
 * ```
 */

export { parseArguments, UsageError } from "./argparse.ts";
export { GUNICORN_VERSION, type Program } from "./command-line.ts";
export { type ConfigFailure, type ConfigSource, configFailed } from "./config-file.ts";
export type { Exit } from "./exit.ts";
export { explainSetting, type SettingExplanation } from "./explain.ts";
export type { HttpProtocol, StatsdAddress } from "./kinds-of-one.ts";
export { type Application, type Launch, type Origin, parse, type Resolved, resolve, SETTING_NAMES } from "./layers.ts";
export { accessInPython, logsInPython } from "./log-writer.ts";
export { noEffectNotes } from "./no-effect.ts";
export { refuseUnsupported } from "./not-supported-yet.ts";
export { printConfig } from "./print-config.ts";
export { reloadDiff, type SettingChange, withoutRestarts } from "./reload-diff.ts";
export type { OnReload } from "./setting.ts";
export { displayValue, isSet } from "./setting-values.ts";
export { type JsonValue, type SettingInPython, settingsJson, settingsToJson } from "./settings-json.ts";
export { settingsManual } from "./settings-manual.ts";
export { splitShellWords } from "./shlex.ts";
export { type StatsdTarget, statsdTarget } from "./statsd.ts";
export { launchDirectory, type Surroundings } from "./surroundings.ts";
export { isSettingName, type SettingName, type Settings } from "./table.ts";
export { applyUvicornClass, applyUvicornOptions, type UvicornClass, uvicornOptions } from "./uvicorn-class.ts";
export { isDirect, needsCheck, type WorkerKind, workerClassName, workerKind } from "./worker-class.ts";
