/** What can be said of a setting's checked value without knowing its type: how Python prints it, whether it equals another. */

import { type Plain, type PyValue, pythonValue, repr, str } from "../base/python-repr.ts";
import type { Setting } from "./setting.ts";
import { ENTRIES, type SettingName, type Settings } from "./table.ts";

const ENTRY_OF = new Map<SettingName, Setting<Settings[SettingName]>>(ENTRIES);

/** The value as Python would hold it. */
export function valueInPython(settings: Settings, name: SettingName): PyValue {
  const value = settings[name];
  const toPython = ENTRY_OF.get(name)?.kind.toPython;
  // A kind without toPython has plain values only; that is what makes it optional.
  return pythonValue(toPython === undefined ? (value as Plain) : toPython(value));
}

/** The value as `--print-config` shows it: functions and classes by their name. */
export function displayValue(settings: Settings, name: SettingName): string {
  const value = valueInPython(settings, name);
  return value.t === "object" && value.callable ? `<${value.name}()>` : str(value);
}

/** Whether both have the same value. Python's functions and classes are the same when they have the same name: their texts hold addresses. */
export function isSameValue(settings: Settings, others: Settings, name: SettingName): boolean {
  const [value, other] = [valueInPython(settings, name), valueInPython(others, name)];
  if (value.t === "object" && other.t === "object") return value.type === other.type && value.name === other.name;
  return value.t === other.t && repr(value) === repr(other);
}

/** Whether anybody has given the setting a value of its own. */
export function isSet({ settings, defaults }: { readonly settings: Settings; readonly defaults: Settings }, name: SettingName): boolean {
  return !isSameValue(settings, defaults, name);
}
