/** Settings whose part of the server does not exist yet. This is the only list of them. */

import { type Exit, exitWithError } from "./exit.ts";
import type { Resolved } from "./layers.ts";
import { isSameValue } from "./setting-values.ts";
import type { SettingName } from "./table.ts";
import { workerKind } from "./worker-class.ts";

export const NOT_SUPPORTED_YET: readonly SettingName[] = [
  // Dirty arbiter
  "dirty_apps",
  "dirty_workers",
  "dirty_timeout",
  "dirty_threads",
  "dirty_graceful_timeout",
  "on_dirty_starting",
  "dirty_post_fork",
  "dirty_worker_init",
  "dirty_worker_exit",
];

/** Refuses to start with a setting that would be ignored. Undefined: nothing of the kind is set. */
export function refuseUnsupported({ settings, defaults }: Resolved): Exit | undefined {
  const kind = workerKind(settings);
  const isSet = (name: SettingName) => !isSameValue(settings, defaults, name);
  const name = kind === undefined ? "worker_class" : NOT_SUPPORTED_YET.find(isSet);
  return name === undefined ? undefined : exitWithError(`setting '${name}' is not supported yet`);
}
