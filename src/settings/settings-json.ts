/** Settings as the Python half reads them: the table once at build time, the values with the nursery's command `settings`. */

import { type PyValue, pythonValue } from "../base/python-repr.ts";
import { type Section, summary } from "./setting.ts";
import { valueInPython } from "./setting-values.ts";
import { ENTRIES, type SettingName, type Settings } from "./table.ts";

/**
 * A value in JSON: None, bool, int, str and lists stand for themselves. A JSON object is always a PyValue (docs/internals/channels.md §1):
 * a dict, a tuple, or something that only Python holds, which the nursery replaces with the live object of that name.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | PyValue;

export interface SettingInPython {
  readonly name: SettingName;
  readonly section: Section;
  readonly flags: readonly string[];
  readonly kind: string;
  /** As written: not checked, and without what the machine changes. */
  readonly default: JsonValue;
  /** First line of the manual's text. */
  readonly summary: string;
  readonly ours: boolean;
}

function jsonOf(value: PyValue): JsonValue {
  switch (value.t) {
    case "none":
      return null;
    case "bool":
    case "str":
      return value.v;
    case "int":
      return Number(value.v);
    case "list":
      return value.v.map(jsonOf);
    default:
      return value;
  }
}

/** The table, in its order. The build writes it as JSON. */
export function settingsJson(): SettingInPython[] {
  return ENTRIES.map(([name, entry]) => ({
    name,
    section: entry.section,
    flags: entry.flags,
    kind: entry.kind.name,
    default: jsonOf(pythonValue(entry.default)),
    summary: summary(entry),
    ours: entry.ours === true,
  }));
}

/** All values, for the nursery's command `settings`. */
export function settingsToJson(settings: Settings): Record<string, JsonValue> {
  return Object.fromEntries(ENTRIES.map(([name]) => [name, jsonOf(valueInPython(settings, name))]));
}
