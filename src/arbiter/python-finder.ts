/** Which Python runs the application. */

import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";

export interface PythonSearch {
  /** `--python`, or undefined. */
  readonly python: string | undefined;
  /** `$VIRTUAL_ENV`, or undefined. */
  readonly virtualEnv: string | undefined;
  /** Directory of the application, for `.venv` and `venv`. */
  readonly directory: string;
}

/** What the system's own Python is called; searched on PATH. */
const DEFAULT_PYTHON = "python3";

/**
 * @returns The interpreter to start: a path, or a name to search on PATH. A virtual environment's own path is kept as it is (its
 *          `python` is a symbolic link by whose place Python knows the environment).
 */
export function findPython(search: PythonSearch): string {
  if (search.python !== undefined) return search.python;
  if (search.virtualEnv !== undefined) {
    const path = join(search.virtualEnv, "bin", "python");
    if (isExecutable(path)) return path;
  }
  for (const name of [".venv", "venv"]) {
    const path = resolve(search.directory, name, "bin", "python");
    if (isExecutable(path)) return path;
  }
  return DEFAULT_PYTHON;
}

/** The same interpreter for a process that is in another directory. @param directory  Where the path is to be understood. */
export function fromAnywhere(python: string, directory: string): string {
  return python.includes("/") ? resolve(directory, python) : python;
}

/**
 * Guesses from the raw command line, before the settings are read, so that Python can start first of all. What it gets wrong (an
 * abbreviated flag, a chdir in the config file) is put right by `findPython` with the settings.
 */
export function guessPythonSearch(words: readonly string[], env: NodeJS.ProcessEnv, cwd: string): PythonSearch {
  const fromEnvironment = env.GUNICORN_CMD_ARGS?.split(/\s+/) ?? [];
  const python = optionValue(words, "--python") ?? optionValue(fromEnvironment, "--python");
  const chdir = optionValue(words, "--chdir") ?? optionValue(fromEnvironment, "--chdir");
  return { python, virtualEnv: env.VIRTUAL_ENV || undefined, directory: resolve(cwd, chdir ?? ".") };
}

/** The last one wins, as in the real parser. */
function optionValue(words: readonly string[], flag: string): string | undefined {
  let value: string | undefined;
  for (const [index, word] of words.entries()) {
    if (word === flag) value = words[index + 1] ?? value;
    else if (word.startsWith(`${flag}=`)) value = word.slice(flag.length + 1);
  }
  return value;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
