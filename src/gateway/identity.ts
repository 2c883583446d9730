/** Whom the gateway runs as: it reads what strangers send, so never as root when the workers do not. */

import type { Settings } from "../settings/table.ts";

/**
 * Becomes `user` and `group`, for good. To be called when everything is open that needs more rights: log files.
 *
 * Supplementary groups of the start, root's, are left behind. A start that is not root's has nothing to drop: where `user` is another
 * one then, each worker's own attempt fails, and ends the start as with Gunicorn.
 *
 * @param settings  A user or group of 0, or null, is kept (Gunicorn's rule).
 * @throws {Error} with the system's code when root may not do that here (a container without CAP_SETUID).
 */
export function dropPrivileges({ user, group, initgroups }: Pick<Settings, "user" | "group" | "initgroups">): void {
  if (process.geteuid?.() !== 0) return;
  if (group) {
    if (!(initgroups && user && takeGroupsOf(user, group))) process.setgroups?.([group]);
    process.setgid?.(group);
  }
  if (user) process.setuid?.(user);
}

/** Node has it, its types have not. */
interface WithInitgroups {
  initgroups?(user: number, extraGroup: number): void;
}

/** @returns false for a number that the user database does not know. */
function takeGroupsOf(user: number, group: number): boolean {
  try {
    (process as WithInitgroups).initgroups?.(user, group);
    return true;
  } catch {
    return false;
  }
}
