/**
 * Every setting, once. Flags, checks, types, `--help`, `--print-config`, docs/settings.md, the reload's decisions and the Python half's
 * copy all come from here. The order is Gunicorn's, which is that of `--help`; ours follow.
 */

import type { Setting } from "./setting.ts";
import { CONTROL, DIRTY } from "./table/dirty-and-control.ts";
import { FAULTS } from "./table/faults.ts";
import { DIRTY_HOOKS, HOOKS } from "./table/hooks.ts";
import { LIMITS, PASTE_GLOBALS } from "./table/limits.ts";
import { LOGGING } from "./table/logging.ts";
import { MECHANICS } from "./table/mechanics.ts";
import { OURS } from "./table/ours.ts";
import { PROTOCOLS } from "./table/protocols.ts";
import { REQUESTS } from "./table/requests.ts";
import { SERVING } from "./table/serving.ts";

export const TABLE = {
  ...SERVING,
  ...LIMITS,
  ...MECHANICS,
  ...LOGGING,
  ...HOOKS,
  ...PROTOCOLS,
  ...PASTE_GLOBALS,
  ...REQUESTS,
  ...DIRTY,
  ...DIRTY_HOOKS,
  ...CONTROL,
  ...OURS,
  ...FAULTS,
} as const;

export type SettingName = keyof typeof TABLE;

type ValueOf<Entry> = Entry extends Setting<infer Value> ? Value : never;

/** Every setting's checked value. Units and names are Gunicorn's. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof TABLE)[Name]> };

/** The table for code that walks it; the compiler cannot keep name and value type together there. */
export const ENTRIES = Object.entries(TABLE) as readonly (readonly [SettingName, Setting<Settings[SettingName]>])[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(TABLE, name);
}
