/** Gunicorn's command line, made of the table: `tunicorn [OPTIONS] [APP_MODULE]`. */

import { type Plain, type PyValue, parseInteger, pythonValue, reprString, str } from "../base/python-repr.ts";
import { type OptionSyntax, parseArguments, UsageError, usageErrorOf } from "./argparse.ts";
import type { Exit } from "./exit.ts";
import { formatHelp, type HelpEntry } from "./help.ts";
import type { ArgumentType } from "./kind.ts";
import { NOT_SUPPORTED_YET } from "./not-supported-yet.ts";
import { type OptionAction, type Setting, summary } from "./setting.ts";
import { ENTRIES, type SettingName } from "./table.ts";

/** Who the command is. */
export interface Program {
  /** `"tunicorn"` */
  readonly name: string;
  /** `"0.1.0"` */
  readonly version: string;
}

export interface CommandLine {
  readonly at: "parsed";
  /** What was given, in the table's order; repeats resolved, nothing checked yet but numbers. */
  readonly values: ReadonlyMap<SettingName, PyValue>;
  /** The application first; further words have no meaning. */
  readonly words: readonly string[];
}

/** What `--help` needs besides the table. */
export interface HelpSurroundings {
  readonly columns: number;
  /** Defaults on this machine, as written. */
  readonly defaults: ReadonlyMap<SettingName, Plain>;
}

/** The Gunicorn release whose command line this is. */
export const GUNICORN_VERSION = "27.0.1";

interface TableOption extends OptionSyntax {
  readonly does: { readonly set: SettingName; readonly entry: Setting<unknown> } | "help" | "version";
}

const TAKES: Readonly<Record<OptionAction, OptionSyntax["takes"]>> = {
  store: "one",
  append: "one",
  store_optional: "optional",
  store_true: "nothing",
  store_false: "nothing",
};

const OPTIONS: readonly TableOption[] = [
  { flags: ["-h", "--help"], takes: "nothing", does: "help" },
  { flags: ["-v", "--version"], takes: "nothing", does: "version" },
  ...ENTRIES.filter(([, entry]) => entry.flags.length > 0).map(
    ([name, entry]): TableOption => ({
      flags: entry.flags,
      takes: TAKES[entry.action ?? "store"],
      shy: entry.ours === true,
      does: { set: name, entry },
    }),
  ),
];

/** Leaves the reading of options for `--help` and `--version`, which act where they stand. */
class Print extends Error {
  override readonly name = "Print";
}

/**
 * Reads one command line.
 *
 * @returns What was given, or what to print: help and version with status 0, a usage error with status 2.
 */
export function parseCommandLine(words: readonly string[], program: Program, help: HelpSurroundings): CommandLine | Exit {
  const given = new Map<SettingName, PyValue>();
  const take = ({ does, flags, takes }: TableOption, text: string | undefined): void => {
    if (does === "help") throw new Print(helpText(program, help));
    if (does === "version") throw new Print(`${program.name} ${program.version} (gunicorn ${GUNICORN_VERSION} compatible)\n`);
    const value = text === undefined ? bareValue(does.entry) : convert(text, does.entry.kind.argumentType, { flags, takes });
    given.set(does.set, does.entry.action === "append" ? appended(given.get(does.set), value) : value);
  };
  try {
    const positionals = parseArguments(OPTIONS, words, take);
    const values = new Map<SettingName, PyValue>();
    for (const [name] of ENTRIES) {
      const value = given.get(name);
      if (value !== undefined) values.set(name, value);
    }
    return { at: "parsed", values, words: positionals };
  } catch (error) {
    if (error instanceof Print) return { at: "exit", stdout: error.message, stderr: "", status: 0 };
    if (!(error instanceof UsageError)) throw error;
    return { at: "exit", stdout: "", stderr: `${usageLine(program)}\n${program.name}: error: ${error.message}\n`, status: 2 };
  }
}

function bareValue(entry: Setting<unknown>): PyValue {
  if (entry.action === "store_optional") return { t: "str", v: entry.bareValue ?? "" };
  return { t: "bool", v: entry.action === "store_true" };
}

function appended(list: PyValue | undefined, value: PyValue): PyValue {
  return { t: "list", v: list?.t === "list" ? [...list.v, value] : [value] };
}

/** What argparse's `type` makes of a text. */
function convert(text: string, type: ArgumentType, option: OptionSyntax): PyValue {
  if (type === "str") return { t: "str", v: text };
  const number = type === "int" ? parseInteger(text, 10) : parseInteger(text.replace(/^0(?=\d)/, "0o"), 0);
  if (number === undefined) throw usageErrorOf(option, `invalid ${type} value: ${reprString(text)}`);
  return { t: "int", v: String(number) };
}

function usageLine(program: Program): string {
  return `usage: ${program.name} [OPTIONS] [APP_MODULE]`;
}

function helpText(program: Program, { columns, defaults }: HelpSurroundings): string {
  const entries = OPTIONS.map(({ flags, takes, does }): HelpEntry => {
    if (does === "help") return { header: flags.join(", "), text: "show this help message and exit" };
    if (does === "version") return { header: flags.join(", "), text: "show program's version number and exit" };
    const metavar = does.entry.metavar ?? does.set.toUpperCase();
    const value = { nothing: "", one: ` ${metavar}`, optional: ` [${metavar}]` }[takes];
    return {
      header: flags.map((flag) => flag + value).join(", "),
      text: `${summary(does.entry)}${remark(does.set, does.entry)} [${str(pythonValue(defaults.get(does.set) ?? null))}]`,
    };
  });
  return formatHelp(usageLine(program), entries, columns);
}

/** Nobody should have to try an option to find out that it stops the start, or does nothing. */
function remark(name: SettingName, { noEffect }: Setting<unknown>): string {
  if (NOT_SUPPORTED_YET.includes(name)) return " (not supported yet)";
  return noEffect === undefined ? "" : " (without effect)";
}
