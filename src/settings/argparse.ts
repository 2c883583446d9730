/**
 * The part of Python's argparse (3.11) that Gunicorn's command line uses: options in any order, abbreviations, clustered short options,
 * and one positional that takes any number of words but stands in one place.
 *
 * Command lines in the wild lean on its corners, so it works as argparse does: first every word is called option (O), argument (A) or
 * `--` (-), then options and positionals are taken from that pattern in turn.
 */

import { reprString } from "../base/python-repr.ts";

/** A command line that cannot be understood. The message is argparse's. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface OptionSyntax {
  /** `["-w", "--workers"]` */
  readonly flags: readonly string[];
  readonly takes: "nothing" | "one" | "optional";
  /** Found by an abbreviation only when nothing else is, so that what was unique without it stays so. */
  readonly shy?: boolean;
}

/** What a word that looks like an option was understood as. */
interface Sighting<Option> {
  /** Undefined: no such option. */
  readonly option: Option | undefined;
  readonly flag: string;
  /** What came with it in the same word: `8` of `--workers=8` and `-w8`. */
  readonly value: string | undefined;
}

/** Names an option in messages: `-w/--workers`. */
export function usageErrorOf(option: OptionSyntax, text: string): UsageError {
  return new UsageError(`argument ${option.flags.join("/")}: ${text}`);
}

/**
 * Reads a command line.
 *
 * @param take  Called for each option in order, with its value if it came with one. May throw, which ends the reading.
 * @returns     The positional words.
 * @throws {UsageError}
 */
export function parseArguments<Option extends OptionSyntax>(
  options: readonly Option[],
  words: readonly string[],
  take: (option: Option, value: string | undefined) => void,
): string[] {
  const byFlag = new Map(options.flatMap((option) => option.flags.map((flag) => [flag, option] as const)));
  const { pattern, sightings } = classify(byFlag, words);
  const unrecognized: string[] = [];
  let positionals: string[] | undefined;
  let at = 0;

  /** Gives the run of arguments at `at` to the positional, once: later runs are not recognized. */
  const takePositionals = (): void => {
    if (positionals !== undefined) return;
    const run = /^[A-]*/.exec(pattern.slice(at))?.[0].length ?? 0;
    positionals = words.slice(at, at + run);
    const separator = positionals.indexOf("--");
    if (separator >= 0) positionals.splice(separator, 1);
    at += run;
  };

  const lastOption = pattern.lastIndexOf("O");
  while (at <= lastOption) {
    const nextOption = pattern.indexOf("O", at);
    if (at !== nextOption) {
      takePositionals();
      unrecognized.push(...words.slice(at, nextOption));
      at = nextOption;
    }
    const sighting = sightings.get(at);
    if (sighting?.option === undefined) {
      unrecognized.push(words[at] ?? "");
      at += 1;
    } else {
      at = takeOption(byFlag, { ...sighting, option: sighting.option }, words, pattern, at, take);
    }
  }
  takePositionals();
  unrecognized.push(...words.slice(at));
  if (unrecognized.length > 0) throw new UsageError(`unrecognized arguments: ${unrecognized.join(" ")}`);
  return positionals ?? [];
}

function classify<Option extends OptionSyntax>(
  byFlag: ReadonlyMap<string, Option>,
  words: readonly string[],
): { pattern: string; sightings: Map<number, Sighting<Option>> } {
  const sightings = new Map<number, Sighting<Option>>();
  let pattern = "";
  for (const [index, word] of words.entries()) {
    if (word === "--") {
      pattern += `-${"A".repeat(words.length - index - 1)}`;
      break;
    }
    const sighting = sight(byFlag, word);
    if (sighting !== undefined) sightings.set(index, sighting);
    pattern += sighting === undefined ? "A" : "O";
  }
  return { pattern, sightings };
}

const NEGATIVE_NUMBER = /^-(?:\d+|\d*\.\d+)$/;

/** Decides whether a word is an option. Undefined: it is an argument. */
function sight<Option extends OptionSyntax>(byFlag: ReadonlyMap<string, Option>, word: string): Sighting<Option> | undefined {
  if (!word.startsWith("-")) return undefined;
  const exact = byFlag.get(word);
  if (exact !== undefined) return { option: exact, flag: word, value: undefined };
  if (word === "-") return undefined;
  const equals = word.indexOf("=");
  if (equals >= 0) {
    const flag = word.slice(0, equals);
    const option = byFlag.get(flag);
    if (option !== undefined) return { option, flag, value: word.slice(equals + 1) };
  }
  const candidates = word.startsWith("--") ? abbreviated(byFlag, word, equals) : shortWithValue(byFlag, word);
  if (candidates.length > 1) {
    throw new UsageError(`ambiguous option: ${word} could match ${candidates.map(({ flag }) => flag).join(", ")}`);
  }
  if (candidates[0] !== undefined) return candidates[0];
  // A negative number is an argument, and so is what holds a space: no option does.
  if (NEGATIVE_NUMBER.test(word) || word.includes(" ")) return undefined;
  return { option: undefined, flag: word, value: undefined };
}

function abbreviated<Option extends OptionSyntax>(byFlag: ReadonlyMap<string, Option>, word: string, equals: number): Sighting<Option>[] {
  const prefix = equals >= 0 ? word.slice(0, equals) : word;
  const value = equals >= 0 ? word.slice(equals + 1) : undefined;
  const found = [...byFlag].filter(([flag]) => flag.startsWith(prefix)).map(([flag, option]) => ({ option, flag, value }));
  const bold = found.filter(({ option }) => option.shy !== true);
  return bold.length > 0 ? bold : found;
}

/** `-w8`, or a long option written with one dash, of which there are none. */
function shortWithValue<Option extends OptionSyntax>(byFlag: ReadonlyMap<string, Option>, word: string): Sighting<Option>[] {
  const flag = word.slice(0, 2);
  const option = byFlag.get(flag);
  return option === undefined ? [] : [{ option, flag, value: word.slice(2) }];
}

/** Takes the option at `at` with its value, or several short ones in one word. Returns where to go on. */
function takeOption<Option extends OptionSyntax>(
  byFlag: ReadonlyMap<string, Option>,
  sighting: Sighting<Option> & { readonly option: Option },
  words: readonly string[],
  pattern: string,
  at: number,
  take: (option: Option, value: string | undefined) => void,
): number {
  let { option, flag, value } = sighting;
  /** Taken only when the whole word is understood. */
  const cluster: Option[] = [];
  while (value !== undefined && option.takes === "nothing") {
    const next: Option | undefined = flag.startsWith("--") || value === "" ? undefined : byFlag.get(`-${value.charAt(0)}`);
    if (next === undefined) throw usageErrorOf(option, `ignored explicit argument ${reprString(value)}`);
    cluster.push(option);
    option = next;
    flag = `-${value.charAt(0)}`;
    value = value.length > 1 ? value.slice(1) : undefined;
  }
  let end = at + 1;
  if (value === undefined && option.takes !== "nothing") {
    if (pattern.charAt(end) === "A") {
      value = words[end];
      end += 1;
    } else if (option.takes === "one") {
      throw usageErrorOf(option, "expected one argument");
    }
  }
  for (const short of cluster) take(short, undefined);
  take(option, value);
  return end;
}
