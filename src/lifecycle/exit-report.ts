/** What the log says when a worker is reaped: Gunicorn's lines. */

import type { ExitStatus, LogLevel } from "./messages.ts";

/** The application raised while it was loaded (Gunicorn's WORKER_BOOT_ERROR). */
export const BOOT_ERROR_CODE = 3;
/** The application object could not be found or called (Gunicorn's APP_LOAD_ERROR). */
export const APP_LOAD_ERROR_CODE = 4;

/** @returns the line for a worker's end, or undefined for a normal one and for one that nobody could collect. */
export function exitReport(pid: number, status: ExitStatus): { level: LogLevel; text: string } | undefined {
  if (status === null) return undefined;
  if ("code" in status) {
    return status.code === 0 ? undefined : { level: "error", text: `Worker (pid:${pid}) exited with code ${status.code}.` };
  }
  const text = `Worker (pid:${pid}) was sent ${status.signal}!`;
  if (status.signal === "SIGKILL") return { level: "error", text: `${text} Perhaps out of memory?` };
  return { level: status.signal === "SIGTERM" ? "info" : "warning", text };
}

/** @returns the `Reason:` of a server that ends because of this exit before any worker was ready, or undefined when it goes on. */
export function haltReason(status: ExitStatus): string | undefined {
  if (status === null || !("code" in status)) return undefined;
  if (status.code === BOOT_ERROR_CODE) return "Worker failed to boot.";
  if (status.code === APP_LOAD_ERROR_CODE) return "App failed to load.";
  return undefined;
}

/** @returns `code=3`, `signal=SIGKILL`, `status=unknown`, for lines of ours. */
export function describeStatus(status: ExitStatus): string {
  if (status === null) return "status=unknown";
  return "code" in status ? `code=${status.code}` : `signal=${status.signal}`;
}

/** @returns the status as `waitpid` would give it, which is how Gunicorn writes it for an unknown child. */
export function waitStatus(status: ExitStatus): string {
  if (status === null) return "unknown";
  return "code" in status ? String(status.code << 8) : status.signal;
}
