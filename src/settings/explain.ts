/** One setting, its value and where that comes from: for whoever wonders why the server does what it does. */

import { pythonValue, str } from "../base/python-repr.ts";
import type { Resolved } from "./layers.ts";
import { type OnReload, type Section, summary } from "./setting.ts";
import { displayValue } from "./setting-values.ts";
import { type SettingName, TABLE } from "./table.ts";

export interface SettingExplanation {
  readonly setting: SettingName;
  /** As Python prints it. */
  readonly value: string;
  /** `"command line"`, `"config file /srv/gunicorn.conf.py"`, `"default"` */
  readonly origin: string;
  /** What it would be here if nobody had set it. */
  readonly default: string;
  readonly section: Section;
  readonly flags: readonly string[];
  readonly on_reload: OnReload;
  readonly summary: string;
  /** Why it does nothing here; null: it does. */
  readonly no_effect: string | null;
}

export function explainSetting({ settings, defaults, origins }: Resolved, name: SettingName): SettingExplanation {
  const entry = TABLE[name];
  const { section, flags, onReload } = entry;
  return {
    setting: name,
    value: displayValue(settings, name),
    origin: origins[name],
    default: displayValue(defaults, name),
    section,
    flags,
    on_reload: onReload,
    summary: summary(entry),
    no_effect: ("noEffect" in entry ? str(pythonValue(entry.noEffect)) : undefined) ?? null,
  };
}
