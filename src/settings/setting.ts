/** One entry of the settings table. */

import type { Plain } from "../base/python-repr.ts";
import type { Kind } from "./kind.ts";
import type { Surroundings } from "./surroundings.ts";

/** Headings of the manual, Gunicorn's and one of ours. */
export type Section =
  | "Config File"
  | "Server Socket"
  | "Worker Processes"
  | "Security"
  | "Debugging"
  | "Server Mechanics"
  | "SSL"
  | "HTTP/2"
  | "Logging"
  | "Process Naming"
  | "Server Hooks"
  | "Dirty Arbiters"
  | "Dirty Arbiter Hooks"
  | "Control"
  | "Gateway";

/** What argparse does with an option: keep its value, collect values, take an optional value, keep True, keep False. */
export type OptionAction = "store" | "append" | "store_optional" | "store_true" | "store_false";

/**
 * What SIGHUP does with a changed value: from then on it counts ("apply"), the listening sockets are made anew ("rebind"),
 * or it waits for the next start ("restart").
 */
export type OnReload = "apply" | "rebind" | "restart";

/** A default that the machine decides. */
export interface SurroundingDefault {
  readonly value: Plain;
  /** The environment variable that it comes from; absent when the machine itself says it. */
  readonly variable?: string;
}

export interface Setting<Value> {
  readonly section: Section;
  /** Option strings, `["-w", "--workers"]`; empty for the config file only. */
  readonly flags: readonly string[];
  readonly kind: Kind<Value>;
  /** Absent: "store". */
  readonly action?: OptionAction;
  /** Value of a "store_optional" option without one. */
  readonly bareValue?: string;
  /** What `--help` calls the value; absent: the setting's name in capitals. */
  readonly metavar?: string;
  /** As one would write it in a config file; the check runs on it like on any other value. null is Python's None and is not checked. */
  readonly default: Plain;
  /** @throws {Error} when a variable of the environment cannot be understood. */
  readonly surroundingDefault?: (surroundings: Surroundings) => SurroundingDefault | undefined;
  readonly onReload: OnReload;
  /** The manual's text. Its first line is what `--help` shows. */
  readonly doc: string;
  /** Why a value has no meaning here. It is accepted, and said so once when it is set. */
  readonly noEffect?: string;
  /** Gunicorn has no such setting. */
  readonly ours?: true;
}

/** Types an entry by its kind. */
export function setting<Value>(entry: Setting<Value>): Setting<Value> {
  return entry;
}

/** First line of an entry's text. */
export function summary(entry: Setting<unknown>): string {
  return entry.doc.split("\n", 1)[0] ?? "";
}
