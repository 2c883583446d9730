import type { Resolved } from "./layers.ts";
import { isSameValue } from "./setting-values.ts";
import { ENTRIES } from "./table.ts";

/** Lines for the log, one for each setting that was set though it has no meaning here. */
export function noEffectNotes({ settings, defaults }: Resolved): string[] {
  return ENTRIES.flatMap(([name, { noEffect }]) =>
    noEffect === undefined || isSameValue(settings, defaults, name) ? [] : [`setting without effect name=${name} reason="${noEffect}"`],
  );
}
