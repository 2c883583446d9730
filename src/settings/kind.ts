/** What a kind of setting is: the check of one value, and what the command line makes of its text before. */

import type { Plain, PyValue } from "../base/python-repr.ts";
import type { Surroundings } from "./surroundings.ts";

/** A value that a setting refuses. The message is what Gunicorn says. */
export class InvalidValue extends Error {
  override readonly name = "InvalidValue";
}

/** What a check may ask for and say. */
export interface CheckContext {
  readonly surroundings: Surroundings;
  /** Takes one line for standard error; the value stands. */
  readonly warn: (line: string) => void;
}

/** What argparse makes of an option's text: `int` takes base 10, `auto_int` any base and a leading 0 for octal. Errors name it. */
export type ArgumentType = "str" | "int" | "auto_int";

/** A kind of setting, e.g. "whole number from 0 up". `Value` is what the rest of the program reads. */
export interface Kind<Value> {
  /** Its name in docs/settings.md and in the Python half's copy of the table. */
  readonly name: string;
  readonly argumentType: ArgumentType;
  /**
   * Checks a value from any layer.
   *
   * @throws {InvalidValue}
   */
  readonly check: (value: PyValue, context: CheckContext) => Value;
  /** How Python would hold the checked value, for printing. Absent where `pythonValue` says it. A method, so that a kind of one value is a kind of any. */
  toPython?(value: Value): Plain;
}
