import type { OnReload } from "./setting.ts";
import { displayValue, isSameValue } from "./setting-values.ts";
import { ENTRIES, type SettingName, type Settings } from "./table.ts";

/** One setting that a reload found changed. */
export interface SettingChange {
  readonly name: SettingName;
  /** What happens with the new value. */
  readonly onReload: OnReload;
  /** Values as `--print-config` shows them. */
  readonly before: string;
  readonly after: string;
}

/**
 * What a reload makes of new settings: those that only a start can change keep their values.
 *
 * @returns `waiting`: the changes that wait for it.
 */
export function withoutRestarts(before: Settings, after: Settings): { readonly settings: Settings; readonly waiting: SettingChange[] } {
  const waiting = reloadDiff(before, after).filter(({ onReload }) => onReload === "restart");
  const kept = Object.fromEntries(waiting.map(({ name }) => [name, before[name]]));
  return { settings: { ...after, ...kept }, waiting };
}

/** Compares two sets of settings, in the table's order. */
export function reloadDiff(before: Settings, after: Settings): SettingChange[] {
  return ENTRIES.filter(([name]) => !isSameValue(before, after, name)).map(([name, { onReload }]) => ({
    name,
    onReload,
    before: displayValue(before, name),
    after: displayValue(after, name),
  }));
}
