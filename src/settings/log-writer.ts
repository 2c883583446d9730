/** Who writes the logs: arbiter and gateway themselves, or a Python logger of the user's (design §8). */

import type { Settings } from "./table.ts";

/** Names of Gunicorn's own classes, whose lines arbiter and gateway write by themselves, and whose metrics they send (`statsd.ts`). */
const OWN_CLASSES: ReadonlySet<unknown> = new Set([null, "", "simple", "gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd"]);

/** Both logs are written by a Python logger; `Config.logs_in_python` of the Python half says the same. */
export function logsInPython(settings: Settings): boolean {
  const { logconfig, logconfig_json, syslog } = settings;
  return hasLoggerClass(settings) || Boolean(logconfig || logconfig_json || syslog) || settings.logconfig_dict.v.length > 0;
}

/** That logger is told of every request: a class of the user's always, it may count them. */
export function accessInPython(settings: Settings): boolean {
  return hasLoggerClass(settings) || (logsInPython(settings) && hasAccessLog(settings));
}

/** Gunicorn's logger would write an access log with these settings (glogging.Logger.access_log_enabled). */
function hasAccessLog(settings: Settings): boolean {
  const { accesslog, logconfig, logconfig_json, syslog, disable_redirect_access_to_syslog } = settings;
  const toSyslog = syslog === true && disable_redirect_access_to_syslog !== true;
  return Boolean(accesslog || logconfig || logconfig_json || toSyslog) || settings.logconfig_dict.v.length > 0;
}

/** The class of the logs is the user's own. */
export function hasLoggerClass({ logger_class }: Pick<Settings, "logger_class">): boolean {
  return !OWN_CLASSES.has(logger_class);
}
