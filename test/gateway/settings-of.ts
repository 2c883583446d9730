/** The settings of a command line, for the gateway's tests. */

import type { Settings } from "../../src/settings/table.ts";
import { settled } from "../settings/machine.ts";

/** @param words  Options; an application is added. */
export function settingsOf(words: readonly string[] = []): Settings {
  // The machine of the settings' tests has another user, whom a gateway of root's would become.
  return { ...settled(["app", ...words]).settings, user: process.getuid?.() ?? 0, group: process.getgid?.() ?? 0 };
}
