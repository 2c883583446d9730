/**
 * Compiles an `access_log_format`: Python's %-formatting over the access log's atoms.
 *
 * The format is read once; what runs per request is a list of small functions, one for each atom that the format names.
 */

import { reprString } from "../base/python-repr.ts";
import { type AccessRecord, type Atom, accessLogAtom, type EnvironConstants } from "./access-log-atoms.ts";

/** The format cannot be used. Gunicorn starts with it and prints a "--- Logging error ---" for every request. */
export class AccessLogFormatError extends Error {
  constructor(format: string, problem: string) {
    super(`access_log_format ${JSON.stringify(format)}: ${problem}`);
    this.name = "AccessLogFormatError";
  }
}

/** One conversion, read from the format: `%(h)-15.10s`. */
interface Directive {
  readonly key: string;
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly conversion: string;
}

/** A field wider than any line anyone reads is a slip of the hand; Python would allocate it for each request. */
const FIELD_WIDTH_MAX = 4096;
/** toFixed gives no more. */
const FIXED_DIGITS_MAX = 100;

/**
 * @param format     `'%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'`
 * @param constants  Environ variables that are the same for every request.
 * @returns          Makes the line of one exchange, without line end.
 * @throws {AccessLogFormatError} where Python's `format % atoms` would raise.
 */
export function compileAccessLogFormat(format: string, constants: EnvironConstants = {}): (record: AccessRecord) => string {
  const parts: ((record: AccessRecord) => string)[] = [];
  let literal = "";
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf("%", at);
    if (percent === -1) break;
    literal += format.slice(at, percent);
    if (format[percent + 1] === "%") {
      literal += "%";
      at = percent + 2;
      continue;
    }
    const { directive, end } = readDirective(format, percent);
    at = end;
    parts.push(withPrefix(literal, convert(format, directive, accessLogAtom(directive.key, constants))));
    literal = "";
  }
  const tail = literal + format.slice(at);
  return (record) => {
    let line = "";
    for (const part of parts) line += part(record);
    return line + tail;
  };
}

function withPrefix(prefix: string, part: (record: AccessRecord) => string): (record: AccessRecord) => string {
  return prefix === "" ? part : (record) => prefix + part(record);
}

/** Flags, width, precision, an ignored C length, conversion: "printf-style String Formatting" in Python's library reference. */
const AFTER_KEY = /([-+ #0]*)(\*|[0-9]*)(?:\.(\*|[0-9]*))?[hlL]?(.?)/suy;

/** @param percent  Where the `%` stands. */
function readDirective(format: string, percent: number): { directive: Directive; end: number } {
  if (format[percent + 1] !== "(") {
    throw new AccessLogFormatError(
      format,
      `${format.slice(percent, percent + 2)} names no atom: write atoms as %(h)s, and %% for a percent sign`,
    );
  }
  const close = closingParenthesis(format, percent + 1);
  const key = format.slice(percent + 2, close);
  AFTER_KEY.lastIndex = close + 1;
  const [, flags = "", width = "", precision, conversion = ""] = AFTER_KEY.exec(format)!;
  const end = AFTER_KEY.lastIndex;
  if (conversion === "") throw new AccessLogFormatError(format, `the format ends inside ${format.slice(percent)}`);
  if (width === "*" || precision === "*") throw new AccessLogFormatError(format, "a width or precision of * has no value here");
  if (Number(width) > FIELD_WIDTH_MAX || Number(precision ?? 0) > FIELD_WIDTH_MAX) {
    throw new AccessLogFormatError(format, `the width or precision of ${format.slice(percent, end)} is over ${FIELD_WIDTH_MAX}`);
  }
  const directive = {
    key,
    flags,
    width: Number(width),
    precision: precision === undefined ? undefined : Number(precision),
    conversion,
  };
  return { directive, end };
}

/** Parentheses nest inside a key, as in Python. */
function closingParenthesis(format: string, open: number): number {
  let depth = 0;
  for (let at = open; at < format.length; at++) {
    if (format[at] === "(") depth++;
    if (format[at] === ")") depth--;
    if (depth === 0) return at;
  }
  throw new AccessLogFormatError(format, `the parenthesis of ${format.slice(open - 1)} is not closed`);
}

/** Makes the function that reads one atom and formats it. */
function convert(format: string, directive: Directive, atom: Atom): (record: AccessRecord) => string {
  const { key, conversion } = directive;
  switch (conversion) {
    case "s":
    case "r":
      return convertText(directive, atom);
    case "d":
    case "i":
    case "u":
      if (atom.type === "integer") return convertNumber(directive, atom.read, (value) => integerDigits(value, directive.precision));
      break;
    case "f":
    case "F":
      if ((directive.precision ?? 0) > FIXED_DIGITS_MAX)
        throw new AccessLogFormatError(format, `%(${key})f has over ${FIXED_DIGITS_MAX} digits`);
      if (atom.type === "integer") return convertNumber(directive, atom.read, (value) => fixedDigits(value, directive));
      break;
    default:
      throw new AccessLogFormatError(format, `%(${key})${conversion} is not a conversion: use s, r, d or f`);
  }
  throw new AccessLogFormatError(format, `%(${key})${conversion} needs a number, and ${key} is a text: use %(${key})s`);
}

function convertText({ flags, width, precision, conversion }: Directive, atom: Atom): (record: AccessRecord) => string {
  const read = textReader(atom, conversion);
  if (width === 0 && precision === undefined) return read;
  return (record) => {
    const characters = [...read(record)].slice(0, precision);
    const padding = " ".repeat(Math.max(0, width - characters.length));
    return flags.includes("-") ? characters.join("") + padding : padding + characters.join("");
  };
}

function textReader(atom: Atom, conversion: string): (record: AccessRecord) => string {
  if (atom.type === "integer") return (record) => String(atom.read(record));
  const { read } = atom;
  if (conversion === "s") return (record) => escapeText(read(record));
  return (record) => reprString(read(record).replaceAll('"', '\\"'));
}

/** Every number here is zero or more, so that a sign is only ever the flag's. */
function convertNumber(
  { flags, width }: Directive,
  read: (record: AccessRecord) => number,
  digits: (value: number) => string,
): (record: AccessRecord) => string {
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return (record) => {
    const shown = digits(read(record));
    if (flags.includes("-")) return (sign + shown).padEnd(width);
    return flags.includes("0") ? sign + shown.padStart(width - sign.length, "0") : (sign + shown).padStart(width);
  };
}

function integerDigits(value: number, precision: number | undefined): string {
  return String(value).padStart(precision ?? 0, "0");
}

function fixedDigits(value: number, { flags, precision }: Directive): string {
  return value.toFixed(precision ?? 6) + (precision === 0 && flags.includes("#") ? "." : "");
}

/**
 * `"` as Gunicorn, so that a field's end can be found; control characters too, which Gunicorn writes as they are:
 * `/%0A` in `%(U)s`, or a line feed in the user of `%(u)s`, would let a client write lines of its own into the log.
 */
function escapeText(value: string): string {
  return /["\p{Cc}]/u.test(value) ? value.replaceAll('"', '\\"').replace(/(?!\t)\p{Cc}/gu, hexEscape) : value;
}

function hexEscape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
