/** Which config file is read, and what is said when it cannot be. Running it is the nursery's work. */

import { reprString } from "../base/python-repr.ts";
import { type Exit, exitWithError } from "./exit.ts";
import { absolutePath, extensionOf } from "./posix-path.ts";
import type { Surroundings } from "./surroundings.ts";

/** One Python file or module whose globals are settings. */
export interface ConfigSource {
  readonly kind: "file" | "module";
  /** Absolute path, or `pkg.mod`. */
  readonly location: string;
  /** As the user wrote it. */
  readonly shown: string;
}

/** Looked for in the launch directory, in this order, when no option names a file. */
const DEFAULT_FILES = ["gunicorn.conf.py", "tunicorn.conf.py"];

/**
 * Finds what `-c` means.
 *
 * @param option  `"conf.py"`, `"file:conf.py"`, `"python:pkg.mod"`; undefined or empty when not given.
 * @returns       Undefined when there is no file to read.
 */
export function findConfig(option: string | undefined, { cwd, exists }: Surroundings): ConfigSource | undefined | Exit {
  if (option === undefined || option === "") {
    const location = DEFAULT_FILES.map((name) => absolutePath(cwd, name)).find(exists);
    return location === undefined ? undefined : { kind: "file", location, shown: location };
  }
  if (option.startsWith("python:")) {
    const module = option.slice("python:".length);
    return { kind: "module", location: module, shown: option };
  }
  const shown = option.startsWith("file:") ? option.slice("file:".length) : option;
  const location = absolutePath(cwd, shown);
  return exists(location) ? { kind: "file", location, shown } : exitWithError(`${reprString(shown)} doesn't exist`);
}

/** What to say on standard error before a file is run: nothing, or that its name is not that of a Python file. */
export function extensionWarning({ kind, location }: ConfigSource): string {
  if (kind === "module" || [".py", ".pyc"].includes(extensionOf(location))) return "";
  return "!!!\n!!! WARNING: configuration file should have a valid Python extension.\n!!!\n\n";
}

/** What the nursery reports when the configuration did not run. */
export interface ConfigFailure {
  readonly status: "missing" | "failed" | "exited";
  /** Traceback, or the message where nothing was run. */
  readonly text: string;
  /** Exit status that the configuration asked for. */
  readonly code: number;
}

/** How Gunicorn ends then. Of a module it says only the error's message; we show the traceback before it. */
export function configFailed(source: ConfigSource, { status, text, code }: ConfigFailure): Exit {
  const stderr = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  if (status === "exited") return { at: "exit", stdout: "", stderr, status: code };
  if (status === "missing" && source.kind === "file") return exitWithError(`${reprString(source.shown)} doesn't exist`);
  if (source.kind === "module" && status === "missing") return exitWithError(text.trimEnd());
  if (source.kind === "module") return exitWithError(messageOfTraceback(text), stderr);
  return { at: "exit", stdout: "", stderr: `Failed to read config file: ${source.shown}\n${stderr}`, status: 1 };
}

/** The last line without the error's type: `ZeroDivisionError: division by zero` gives `division by zero`. */
function messageOfTraceback(text: string): string {
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  return line.replace(/^[\w.]+: /, "");
}
