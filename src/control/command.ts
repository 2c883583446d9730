/** One line at the control socket, understood: Gunicorn's commands with its messages for what is wrong, and ours. */

import { parseInteger, pythonValue, reprString, str } from "../base/python-repr.ts";
import type { LogLevel } from "../lifecycle/messages.ts";
import { isSettingName, type SettingName, splitShellWords } from "../settings/index.ts";
import { SHOW_TARGETS, type ShowTarget } from "./command-list.ts";

export type ControlCommand =
  | { readonly name: "help" | "reopen" | "drain" }
  | { readonly name: "show"; readonly target: Exclude<ShowTarget, "worker"> }
  | { readonly name: "show-worker" | "worker-kill" | "stacks" | "recycle"; readonly pid: number }
  | { readonly name: "worker-add" | "worker-remove"; readonly count: number }
  | { readonly name: "dirty" }
  | { readonly name: "reload"; readonly wait: boolean }
  | { readonly name: "shutdown"; readonly mode: string }
  | { readonly name: "explain"; readonly setting: SettingName }
  | { readonly name: "log"; readonly level: LogLevel };

/** Text for the client, behind `Invalid argument: `, as Gunicorn says it of a ValueError. */
export class BadCommand extends Error {
  override readonly name = "BadCommand";
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warning", "error", "critical"];
/** More are no wish but a slip: `worker add 10000` would fork until the machine gives up. */
const WORKERS_ADDED_MAX = 1000;

/**
 * @param line  `"worker add 2"`; words as in a shell, the first two in any case.
 * @param args  More words, as the JSON had them.
 * @returns undefined for a line without words.
 * @throws {BadCommand}
 */
export function parseCommand(line: string, args: unknown): ControlCommand | undefined {
  const words = line.trim() === "" ? [] : [...splitWords(line), ...moreWords(args)];
  const [first, ...rest] = words;
  if (first === undefined) return undefined;
  switch (first.toLowerCase()) {
    case "show":
      return parseShow(rest);
    case "worker":
      return parseWorker(rest);
    case "dirty":
      return parseDirty(rest);
    case "reload":
      return { name: "reload", wait: waits(rest) };
    case "shutdown":
      return { name: "shutdown", mode: rest[0] ?? "graceful" };
    case "reopen":
    case "help":
    case "drain":
      return { name: first.toLowerCase() as "reopen" | "help" | "drain" };
    case "stacks":
    case "recycle":
      return { name: first.toLowerCase() as "stacks" | "recycle", pid: pidOf(rest[0], `Missing PID for ${first.toLowerCase()}`) };
    case "explain":
      return { name: "explain", setting: settingOf(rest[0]) };
    case "log":
      return { name: "log", level: levelOf(rest[0]) };
    default:
      throw new BadCommand(`Unknown command: ${first.toLowerCase()}`);
  }
}

function splitWords(line: string): string[] {
  try {
    return splitShellWords(line);
  } catch (error) {
    throw new BadCommand((error as Error).message);
  }
}

/** As Python's `for a in args: str(a)`. */
function moreWords(args: unknown): string[] {
  if (!args) return [];
  if (typeof args === "string") return [...args];
  if (typeof args !== "object") throw new BadCommand("args is no list");
  if (!Array.isArray(args)) return Object.keys(args);
  return args.map((word) => {
    if (typeof word === "object" && word !== null) throw new BadCommand("args holds more than words");
    return str(pythonValue(word));
  });
}

function parseShow([target, ...rest]: readonly string[]): ControlCommand {
  if (target === undefined) throw new BadCommand("Missing show target (all|workers|dirty|config|stats|listeners)");
  const known = SHOW_TARGETS.find((each) => each === target.toLowerCase());
  if (known === undefined) throw new BadCommand(`Unknown show target: ${target.toLowerCase()}`);
  return known === "worker" ? { name: "show-worker", pid: pidOf(rest[0], "Missing PID for show worker") } : { name: "show", target: known };
}

function parseWorker([action, argument]: readonly string[]): ControlCommand {
  switch (action?.toLowerCase()) {
    case undefined:
      throw new BadCommand("Missing worker action (add|remove|kill)");
    case "add":
      return { name: "worker-add", count: countOf(argument) };
    case "remove":
      return { name: "worker-remove", count: countOf(argument) };
    case "kill":
      return { name: "worker-kill", pid: pidOf(argument, "Missing PID for worker kill") };
    default:
      throw new BadCommand(`Unknown worker action: ${action?.toLowerCase()}`);
  }
}

function parseDirty([action, argument]: readonly string[]): ControlCommand {
  const known = action?.toLowerCase();
  if (known === undefined) throw new BadCommand("Missing dirty action (add|remove)");
  if (known !== "add" && known !== "remove") throw new BadCommand(`Unknown dirty action: ${known}`);
  if (argument !== undefined) integerOf(argument);
  return { name: "dirty" };
}

/** Gunicorn makes 1 of whatever is below it, `worker add -2` adds one: a slip should not add workers. */
function countOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const count = integerOf(text);
  if (count < 1n || count > WORKERS_ADDED_MAX) throw new BadCommand(`a number of workers is from 1 to ${WORKERS_ADDED_MAX}, not ${count}`);
  return Number(count);
}

function pidOf(text: string | undefined, missing: string): number {
  if (text === undefined) throw new BadCommand(missing);
  return Number(integerOf(text));
}

function integerOf(text: string): bigint {
  const value = parseInteger(text, 10);
  if (value === undefined) throw new BadCommand(`invalid literal for int() with base 10: ${reprString(text)}`);
  return value;
}

/** Gunicorn takes words behind `reload` and does nothing with them. */
function waits(words: readonly string[]): boolean {
  return words.includes("--wait") || words[0]?.toLowerCase() === "wait";
}

function settingOf(word: string | undefined): SettingName {
  if (word === undefined) throw new BadCommand("Missing setting for explain");
  const name = word.replace(/^--/, "").replaceAll("-", "_");
  if (!isSettingName(name)) throw new BadCommand(`Unknown setting: ${word}`);
  return name;
}

function levelOf(word: string | undefined): LogLevel {
  const level = LEVELS.find((each) => each === word?.toLowerCase());
  if (level === undefined) throw new BadCommand(`${word === undefined ? "Missing" : "Unknown"} log level (${LEVELS.join("|")})`);
  return level;
}
