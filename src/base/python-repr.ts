/**
 * Python values as they cross from the nursery, and how Python prints and reads them: `str()`, `repr()`, `int()`, `str.strip()`.
 *
 * Users see these texts in `--print-config` and in error messages, so they must be Python's to the letter.
 */

/** A Python value that kept its type through JSON (docs/internals/channels.md §1). */
export type PyValue =
  | { readonly t: "none" }
  | { readonly t: "bool"; readonly v: boolean }
  | { readonly t: "int"; readonly v: string }
  | { readonly t: "float"; readonly v: string }
  | { readonly t: "str"; readonly v: string }
  | { readonly t: "list"; readonly v: readonly PyValue[] }
  | { readonly t: "tuple"; readonly v: readonly PyValue[] }
  | PyDict
  | PythonObject;

export interface PyDict {
  readonly t: "dict";
  readonly v: readonly (readonly [PyValue, PyValue])[];
}

/** Something only Python can hold: a function, a class, a module. The nursery keeps the live object. */
export interface PythonObject {
  readonly t: "object";
  /** Name of its class: `"function"`, `"type"`, `"module"`. */
  readonly type: string;
  /** `str(value)` */
  readonly text: string;
  /** `__qualname__`, or the class's name: `"on_starting"`. */
  readonly name: string;
  readonly callable: boolean;
  /** Count of positional parameters, `self` of bound methods apart; undefined when not known. */
  readonly arity?: number;
}

export const NONE: PyValue = { t: "none" };

/** What a setting's default or a validated value is made of on our side. */
export type Plain = null | boolean | number | string | readonly string[] | PyValue;

/** Turns a value of ours into Python's: numbers are ints, arrays are lists of strings, Python's own stay what they are. */
export function pythonValue(value: Plain): PyValue {
  if (value === null) return NONE;
  if (typeof value === "boolean") return { t: "bool", v: value };
  if (typeof value === "number") return { t: "int", v: String(value) };
  if (typeof value === "string") return { t: "str", v: value };
  if ("t" in value) return value;
  return { t: "list", v: value.map((text) => ({ t: "str", v: text })) };
}

/** Characters that `repr()` writes as escapes: those that `str.isprintable()` refuses. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;
const NAMED_ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `repr()` of a string: `it's` gives `"it's"`, a line feed gives `'\n'`. */
export function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let inside = "";
  for (const char of text) {
    const named = NAMED_ESCAPES[char];
    if (named !== undefined) inside += named;
    else if (char === quote) inside += `\\${char}`;
    else if (char !== " " && UNPRINTABLE.test(char)) inside += escapeCodePoint(char.codePointAt(0) ?? 0);
    else inside += char;
  }
  return quote + inside + quote;
}

function escapeCodePoint(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/** `repr(value)` */
export function repr(value: PyValue): string {
  switch (value.t) {
    case "none":
      return "None";
    case "bool":
      return value.v ? "True" : "False";
    case "int":
    case "float":
      return value.v;
    case "str":
      return reprString(value.v);
    case "list":
      return `[${value.v.map(repr).join(", ")}]`;
    case "tuple":
      return value.v.length === 1 ? `(${value.v.map(repr).join("")},)` : `(${value.v.map(repr).join(", ")})`;
    case "dict":
      return `{${value.v.map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(", ")}}`;
    case "object":
      return value.text;
  }
}

/** `str(value)` */
export function str(value: PyValue): string {
  return value.t === "str" ? value.v : repr(value);
}

/** `type(value).__name__`: `"NoneType"`, `"int"`. */
export function typeName(value: PyValue): string {
  if (value.t === "none") return "NoneType";
  return value.t === "object" ? value.type : value.t;
}

/** `bool(value)`: empty, zero and None are false. */
export function isTruthy(value: PyValue): boolean {
  switch (value.t) {
    case "none":
      return false;
    case "bool":
      return value.v;
    case "int":
    case "float":
      return Number(value.v) !== 0;
    case "object":
      return true;
    default:
      return value.v.length > 0;
  }
}

/** White space that `int()` skips. JavaScript's `trim` leaves U+0085 and takes U+FEFF, so it is not used. */
const INT_SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** What `str.isspace()` accepts: the separators of ASCII too. */
const SPACE = `${INT_SPACE}\\x1c-\\x1f`;

function outer(spaces: string): RegExp {
  return new RegExp(`^[${spaces}]+|[${spaces}]+$`, "g");
}

const OUTER_INT_SPACE = outer(INT_SPACE);
const OUTER_SPACE = outer(SPACE);

/** `text.strip()` */
export function strip(text: string): string {
  return text.replace(OUTER_SPACE, "");
}

const DECIMAL = /^[+-]?[0-9]+(?:_[0-9]+)*$/;
const PREFIXED = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0+(?:_?0)*|[1-9](?:_?[0-9])*)$/;

/**
 * `int(text, base)` for ASCII digits.
 *
 * @param base  10, or 0: a prefix tells the base (`0x1f`, `0o17`, `0b1`) and `017` is refused.
 * @returns     undefined where Python raises ValueError.
 */
export function parseInteger(text: string, base: 0 | 10): bigint | undefined {
  const trimmed = text.replace(OUTER_INT_SPACE, "");
  if (base === 10) return DECIMAL.test(trimmed) ? BigInt(trimmed.replaceAll("_", "").replace("+", "")) : undefined;
  const match = PREFIXED.exec(trimmed);
  if (match === null) return undefined;
  const [, sign, digits = ""] = match;
  const size = BigInt(digits.replaceAll("_", "").toLowerCase());
  return sign === "-" ? -size : size;
}
