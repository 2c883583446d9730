/** What one reading of the settings means for the mind, the nursery and the gateway. */

import { ORDERED_HOOKS } from "../lifecycle/hooks.ts";
import type { InheritedDescriptors } from "../lifecycle/inheritance.ts";
import type { LogLevel } from "../lifecycle/messages.ts";
import type { Plan } from "../lifecycle/state.ts";
import { GUNICORN_VERSION, isSet, type Launch, type Resolved, settingsToJson, workerKind } from "../settings/index.ts";
import type { Certificates } from "./certificates.ts";
import { configCommand } from "./configure.ts";
import type { NurseryProcess } from "./nursery-process.ts";
import { planFromSettings } from "./plan-from-settings.ts";

export interface EffectiveSettings {
  readonly resolved: Resolved;
  readonly plan: Plan;
  /** Number of the run of the configuration that they come from. */
  readonly run: number;
  /** The contract's `run-config`; undefined when there is no configuration. */
  readonly configMessage: object | undefined;
  /** The contract's `settings`. */
  readonly settingsMessage: object;
  /** Undefined without TLS. What they are changes with their files. */
  readonly certificates: Certificates | undefined;
}

/** What does not come from settings, and does not change. */
export interface MasterFacts extends Pick<Plan, "version" | "pid" | "python" | "gatewayUnderWay" | "predecessor" | "containerEndsWithUs"> {
  /** Sockets that came with the start: they take the place of all addresses, after a reload too. */
  readonly inherited: InheritedDescriptors | undefined;
}

/** @param run  Of the configuration; its live objects belong to these settings. @throws {Error} Gunicorn's text for what is wrong with an address or a raw_env entry. */
export function effectiveSettings(
  resolved: Resolved,
  { config }: Launch,
  { inherited, ...master }: MasterFacts,
  certificates: Certificates | undefined,
  run = 0,
): EffectiveSettings {
  const { settings, workerClass } = resolved;
  const hooks = ORDERED_HOOKS.filter((name) => isSet(resolved, name));
  return {
    resolved,
    plan: planFromSettings(settings, { ...master, hooks, hasConfig: config !== undefined, workerClass }, inherited),
    run,
    configMessage: config && configCommand(config, run),
    settingsMessage: settingsCommand(resolved, master.version, run),
    certificates,
  };
}

/** The same, but for the level of the error log: somebody at the control socket wants another one. */
export function withLogLevel(effective: EffectiveSettings, level: LogLevel): EffectiveSettings {
  const { resolved, settingsMessage } = effective;
  const settings = { ...resolved.settings, loglevel: level };
  return {
    ...effective,
    resolved: { ...resolved, settings, origins: { ...resolved.origins, loglevel: "control socket" } },
    settingsMessage: { ...settingsMessage, values: settingsToJson(settings) },
  };
}

/**
 * Reads the files of certificates and keys: those that the settings name, or the hook `ssl_context`.
 *
 * @param settingsMessage  The contract's `settings`, for the hook.
 * @param before           What a reload replaces: sessions that were begun with it go on.
 * @returns undefined without TLS; its modules are not even loaded then. @throws {Error} that says which file is wrong.
 */
export async function openCertificates(
  resolved: Resolved,
  settingsMessage: object,
  nursery: NurseryProcess,
  before?: Certificates,
): Promise<Certificates | undefined> {
  const { settings } = resolved;
  if (settings.certfile === null && settings.keyfile === null) return undefined;
  const [{ Certificates }, { callTlsHook }] = await Promise.all([import("./certificates.ts"), import("./tls-hook.ts")]);
  return new Certificates(settings, await callTlsHook(resolved, settingsMessage, nursery), before?.material.ticketKeys);
}

/** The contract's `settings`. */
export function settingsCommand({ settings, application, uvicorn }: Resolved, version: string, run = 0): object {
  return {
    cmd: "settings",
    values: settingsToJson(settings),
    app: application.uri,
    serverSoftware: `gunicorn/${GUNICORN_VERSION} tunicorn/${version}`,
    version,
    titlePrefix: "tunicorn: ",
    workerKind: workerKind(settings),
    uvicorn: uvicorn?.ways ?? null,
    run,
    keep: [],
  };
}
