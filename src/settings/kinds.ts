/** The kinds that many settings share. Error texts are Gunicorn's. */

import { parseIpNetwork } from "../base/ip-network.ts";
import type { PyDict, PythonObject, PyValue } from "../base/python-repr.ts";
import { isTruthy, parseInteger, reprString, str, strip, typeName } from "../base/python-repr.ts";
import type { ArgumentType, Kind } from "./kind.ts";
import { InvalidValue } from "./kind.ts";

/** Text without outer white space, or null for None. */
export function checkString(value: PyValue): string | null {
  if (value.t === "none") return null;
  if (value.t !== "str") throw new InvalidValue(`Not a string: ${str(value)}`);
  return strip(value.v);
}

/**
 * `int(value, 0)`, or the int itself; True is 1.
 *
 * @throws {InvalidValue} for other types and for texts that are no whole number.
 */
export function checkInteger(value: PyValue): bigint {
  if (value.t === "int") return BigInt(value.v);
  if (value.t === "bool") return value.v ? 1n : 0n;
  if (value.t !== "str") throw new InvalidValue("int() can't convert non-string with explicit base");
  const parsed = parseInteger(value.v, 0);
  if (parsed === undefined) throw new InvalidValue(`invalid literal for int() with base 0: ${reprString(value.v)}`);
  return parsed;
}

/** Our numbers are doubles: a larger int would silently become another. Gunicorn takes any size. */
const INTEGER_MAX = BigInt(Number.MAX_SAFE_INTEGER);

export function checkNonNegative(value: PyValue): number {
  const integer = checkInteger(value);
  if (integer < 0n) throw new InvalidValue(`Value must be positive: ${integer}`);
  if (integer > INTEGER_MAX) throw new InvalidValue(`Value must be at most ${INTEGER_MAX}: ${integer}`);
  return Number(integer);
}

/** True, False or None, or one of the words true and false. */
export const bool: Kind<boolean | null> = {
  name: "bool",
  argumentType: "str",
  check: (value) => {
    if (value.t === "none") return null;
    if (value.t === "bool") return value.v;
    if (value.t !== "str") throw new InvalidValue(`Invalid type for casting: ${str(value)}`);
    const word = strip(value.v.toLowerCase());
    if (word !== "true" && word !== "false") throw new InvalidValue(`Invalid boolean: ${value.v}`);
    return word === "true";
  },
};

export const string: Kind<string | null> = { name: "string", argumentType: "str", check: checkString };

function nonNegative(argumentType: ArgumentType): Kind<number> {
  return { name: "int, 0 or more", argumentType, check: checkNonNegative };
}

/** A whole number from 0 up; in a config file also its text, in any base that Python writes. */
export const count = nonNegative("int");
/** The same, or None where nothing is set. */
export const countOrNone: Kind<number | null> = {
  name: "int, 0 or more, or None",
  argumentType: "int",
  check: (value) => (value.t === "none" ? null : checkNonNegative(value)),
};
/** As `count`; the command line reads `022` and `0o22` as octal. */
export const mode = nonNegative("auto_int");
/** As `count`; the command line leaves the text to the check, so a bad one is no usage error. */
export const countFromText = nonNegative("str");

/** A whole number between two bounds. `refuse` says what is wrong with one outside. */
export function range(min: number, max: number, refuse: (value: bigint) => string): Kind<number> {
  return {
    name: max === Number.MAX_SAFE_INTEGER ? `int, ${min} or more` : `int, ${min} to ${max}`,
    argumentType: "int",
    check: (value) => {
      const integer = checkInteger(value);
      if (integer < BigInt(min) || integer > BigInt(max)) throw new InvalidValue(refuse(integer));
      return Number(integer);
    },
  };
}

/** The items that Python's `for` would see. */
function iterate(value: PyValue): readonly PyValue[] {
  if (value.t === "list" || value.t === "tuple") return value.v;
  if (value.t === "dict") return value.v.map(([key]) => key);
  throw new InvalidValue(`'${typeName(value)}' object is not iterable`);
}

export function checkStringList(value: PyValue): string[] {
  if (!isTruthy(value)) return [];
  const items = value.t === "str" ? [value] : iterate(value);
  return items.map((item) => {
    const text = checkString(item);
    // Gunicorn lets a None in a list pass and falls over it later.
    if (text === null) throw new InvalidValue("Not a string: None");
    return text;
  });
}

/** A list of strings. One string is a list of one: it is not split at commas. */
export const stringList: Kind<readonly string[]> = { name: "list of strings", argumentType: "str", check: checkStringList };

function checkCommaList(value: PyValue): string[] {
  const text = checkString(value);
  if (text === null || text === "") return [];
  return text
    .split(",")
    .filter((part) => part !== "")
    .map(strip);
}

/** One string of parts between commas. A list is refused. */
export const commaList: Kind<readonly string[]> = { name: "comma-separated string", argumentType: "str", check: checkCommaList };

/** One string of IP networks between commas, or `*`. */
export const networkList: Kind<readonly string[]> = {
  name: "comma-separated IP networks",
  argumentType: "str",
  check: (value) => {
    const entries = checkCommaList(value);
    for (const entry of entries) {
      if (entry === "*") continue;
      try {
        parseIpNetwork(entry);
      } catch (error) {
        throw new InvalidValue(error instanceof Error ? error.message : String(error));
      }
    }
    return entries;
  },
};

/** A dictionary, kept as Python's: its keys and values may be anything. */
export const dict: Kind<PyDict> = {
  name: "dict",
  argumentType: "str",
  check: (value) => {
    if (value.t !== "dict") throw new InvalidValue(`Value is not a dictionary: ${str(value)} `);
    return value;
  },
};

/** A class, a function that returns one (only Python can call it), or the name of one. */
export const classUri: Kind<string | PythonObject | null> = {
  name: "class or its name",
  argumentType: "str",
  check: (value) => {
    if (value.t === "object" && value.callable) return value;
    return checkString(value);
  },
};

/** A word out of a few, in any case. `refuse` says what is wrong with another, `refuseType` with what is no string. */
export function word<Word extends string>(rule: {
  readonly words: readonly Word[];
  /** What None means. */
  readonly none: Word;
  readonly refuse: (text: string) => string;
  readonly refuseType?: (value: PyValue) => string;
}): Kind<Word> {
  return {
    name: rule.words.join(", "),
    argumentType: "str",
    check: (value) => {
      if (value.t === "none") return rule.none;
      if (value.t !== "str") throw new InvalidValue(rule.refuseType?.(value) ?? `Invalid type for casting: ${str(value)}`);
      const text = strip(value.v.toLowerCase());
      const found = rule.words.find((candidate) => candidate === text);
      if (found === undefined) throw new InvalidValue(rule.refuse(text));
      return found;
    },
  };
}
