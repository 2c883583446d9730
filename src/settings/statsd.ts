/** Where the settings want metrics to be sent, if anywhere. */

import type { StatsdAddress } from "./kinds-of-one.ts";
import type { Settings } from "./table.ts";

/** Gunicorn's own classes of loggers, which send metrics when `statsd_host` is set. Another class does as it likes. */
const OWN_CLASSES: ReadonlySet<unknown> = new Set([null, "simple", "gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd"]);

export interface StatsdTarget {
  readonly address: Exclude<StatsdAddress, { kind: "fd" }>;
  /** As set. */
  readonly prefix: string;
  readonly tags: string;
}

/** @throws {Error} for an inherited descriptor, with which Gunicorn does not start either. */
export function statsdTarget(
  settings: Pick<Settings, "statsd_host" | "statsd_prefix" | "dogstatsd_tags" | "logger_class">,
): StatsdTarget | undefined {
  const { statsd_host: address, statsd_prefix, dogstatsd_tags, logger_class } = settings;
  if (address === null || !OWN_CLASSES.has(logger_class)) return undefined;
  if (address.kind === "fd") throw new Error(`statsd_host is fd://${address.fd}, not HOST:PORT or unix://PATH`);
  return { address, prefix: statsd_prefix ?? "", tags: dogstatsd_tags ?? "" };
}
