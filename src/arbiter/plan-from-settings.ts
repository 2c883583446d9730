/** From the settings to what the mind needs of them. */

import { parseBindAddress } from "../base/address.ts";
import { reprString } from "../base/python-repr.ts";
import type { InheritedDescriptors } from "../lifecycle/inheritance.ts";
import type { ListenAddress } from "../lifecycle/messages.ts";
import type { Plan } from "../lifecycle/state.ts";
import { isDirect, logsInPython, type Settings, statsdTarget } from "../settings/index.ts";
import { LANES_MAX } from "../wire/frame-types.ts";

/**
 * Without `boot_timeout` a worker or a mold may boot for this many times `timeout`. Gunicorn has no limit there: its clock begins with a
 * worker's first sign of life, which comes after the import, and a preloaded application is imported before any clock runs. But one that
 * hangs has to end, or it would never be replaced and a reload never be over.
 */
const BOOT_TIMEOUTS = 10;

/** @throws {Error} Gunicorn's text for a bad address, e.g. `'zz' is not a valid port number.`; for a bad raw_env entry. */
export function planFromSettings(
  settings: Settings,
  master: Pick<
    Plan,
    "version" | "pid" | "python" | "gatewayUnderWay" | "hasConfig" | "hooks" | "workerClass" | "predecessor" | "containerEndsWithUs"
  >,
  inherited: InheritedDescriptors | undefined,
): Plan {
  statsdTarget(settings);
  const bad = settings.raw_env.find((entry) => !entry.includes("="));
  if (bad !== undefined) throw new Error(`environment setting ${reprString(bad)} invalid`);
  const direct = isDirect(settings);
  if (!direct && settings.threads > LANES_MAX) throw new Error(`threads is ${settings.threads}, a worker can have ${LANES_MAX} at most`);
  return {
    ...master,
    workers: settings.workers,
    gateways: settings.gateways,
    surge: settings.reload_surge,
    timeoutMs: settings.timeout * 1000,
    gracefulTimeoutMs: settings.graceful_timeout * 1000,
    drainDelayMs: settings.drain_delay * 1000,
    bootTimeoutMs: (settings.boot_timeout ?? settings.timeout * BOOT_TIMEOUTS) * 1000,
    maxAgeMs: settings.max_worker_age * 1000,
    maxAgeJitterMs: settings.max_worker_age_jitter * 1000,
    preload: settings.preload_app === true,
    // A mold imports everything before it forks; there is nothing left to warm.
    warmImports: settings.warm_imports === true && settings.preload_app !== true,
    addresses: inherited === undefined ? listenAddresses(settings.bind) : inheritedAddresses(inherited),
    backlog: settings.backlog,
    tls: settings.certfile !== null || settings.keyfile !== null,
    direct,
    daemon: settings.daemon === true,
    logsInPython: logsInPython(settings),
  };
}

/** Sockets that came with the start take the place of every address. */
function inheritedAddresses({ descriptors }: InheritedDescriptors): ListenAddress[] {
  return descriptors.map((fd, index) => ({ index, kind: "fd", fd }));
}

/** As soon as one address is an inherited descriptor, all others are ignored (Gunicorn). */
function listenAddresses(texts: readonly string[]): ListenAddress[] {
  const addresses = texts.map((text) => parseBindAddress(text));
  const inherited = addresses.filter((address) => address.kind === "fd");
  return (inherited.length > 0 ? inherited : addresses).map((address, index) => ({ index, ...address }));
}
