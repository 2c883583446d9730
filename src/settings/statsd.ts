/** Where the settings want metrics to be sent, if anywhere. */

import type { StatsdAddress } from "./kinds-of-one.ts";
import { hasLoggerClass } from "./log-writer.ts";
import type { Settings } from "./table.ts";

export interface StatsdTarget {
  readonly address: Exclude<StatsdAddress, { kind: "fd" }>;
  /** As set. */
  readonly prefix: string;
  readonly tags: string;
}

/** A logger class of the user's does as it likes. @throws {Error} for an inherited descriptor, with which Gunicorn does not start either. */
export function statsdTarget(
  settings: Pick<Settings, "statsd_host" | "statsd_prefix" | "dogstatsd_tags" | "logger_class">,
): StatsdTarget | undefined {
  const { statsd_host: address, statsd_prefix, dogstatsd_tags } = settings;
  if (address === null || hasLoggerClass(settings)) return undefined;
  if (address.kind === "fd") throw new Error(`statsd_host is fd://${address.fd}, not HOST:PORT or unix://PATH`);
  return { address, prefix: statsd_prefix ?? "", tags: dogstatsd_tags ?? "" };
}
