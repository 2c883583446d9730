import { displayValue } from "./setting-values.ts";
import { ENTRIES, type Settings } from "./table.ts";

/** What `--print-config` writes to standard output: one line for each setting, sorted by name, values as Python prints them. */
export function printConfig(settings: Settings): string {
  const names = ENTRIES.map(([name]) => name).sort();
  const width = Math.max(...names.map((name) => name.length));
  return names.map((name) => `${name.padEnd(width)} = ${displayValue(settings, name)}\n`).join("");
}
