/** The settings of a command line, for the gateway's tests. */

import type { Settings } from "../../src/settings/table.ts";
import { settled } from "../settings/machine.ts";

/** @param words  Options; an application is added. */
export function settingsOf(words: readonly string[] = []): Settings {
  return settled(["app", ...words]).settings;
}
