/** SIGHUP: all layers of the settings are read again, and looked at before anything follows from them. */

import type { ListenAddress, LogLevel } from "../lifecycle/messages.ts";
import {
  type Exit,
  type Launch,
  noEffectNotes,
  type Resolved,
  refuseUnsupported,
  type Surroundings,
  withoutRestarts,
} from "../settings/index.ts";
import { writeFully } from "../telemetry/error-log.ts";
import { configure, findWorkerClass } from "./configure.ts";
import { type EffectiveSettings, effectiveSettings, type MasterFacts, openCertificates, settingsCommand } from "./effective-settings.ts";
import { checkLogs } from "./log-files.ts";
import type { NurseryProcess } from "./nursery-process.ts";

const STDERR = 2;

/** A line for the log, to be written when the settings are applied. */
export interface ReloadLine {
  readonly level: LogLevel;
  readonly text: string;
}

export type ReadAgain =
  | { readonly status: "ok"; readonly effective: EffectiveSettings; readonly lines: readonly ReloadLine[] }
  | { readonly status: "failed"; readonly text: string };

export class SettingsReader {
  readonly #parse: () => Launch | Exit;
  readonly #master: MasterFacts;
  readonly #surroundings: Surroundings;
  /** The start's was 0. */
  #runs = 0;

  /** @param parse  Reads environment and command line, as at the start. */
  constructor(parse: () => Launch | Exit, master: MasterFacts, surroundings: Surroundings) {
    this.#parse = parse;
    this.#master = master;
    this.#surroundings = surroundings;
  }

  /**
   * Runs the configuration in the nursery and lays all layers over each other.
   *
   * @param current  What counts now: the start has the last word on what a reload cannot change.
   */
  async read(current: EffectiveSettings, nursery: NurseryProcess): Promise<ReadAgain> {
    try {
      return await this.#read(current, nursery);
    } catch (error) {
      return { status: "failed", text: `Error: ${(error as Error).message}` };
    }
  }

  async #read({ resolved: current, plan, certificates: before }: EffectiveSettings, nursery: NurseryProcess): Promise<ReadAgain> {
    const launch = this.#parse();
    if (launch.at === "exit") return failed(launch);
    this.#runs += 1;
    const run = this.#runs;
    const configured = await configure(launch, nursery, run);
    if (configured.at === "exit") return failed(configured);
    const command = (each: Resolved): object => settingsCommand(each, this.#master.version, run);
    const found = await findWorkerClass(configured, command, nursery, this.#surroundings);
    if (found.at === "exit") return failed(found);
    const refused = refuseUnsupported(found);
    if (refused !== undefined) return failed(refused);
    writeFully(STDERR, launch.stderr + found.stderr);
    const { settings, waiting } = withoutRestarts(current.settings, found.settings);
    const resolved = { ...found, settings };
    const certificates = await openCertificates(resolved, command(resolved), nursery, before);
    const effective = effectiveSettings(resolved, launch, this.#master, certificates, run);
    checkLogs(settings);
    refuseNewDescriptors(plan.addresses, effective.plan.addresses);
    const known = new Set(noEffectNotes(current));
    const lines: ReloadLine[] = [
      ...waiting.map(({ name, before, after }): ReloadLine => {
        return { level: "warning", text: `setting changed, it takes effect with the next start name=${name} now=${before} then=${after}` };
      }),
      ...this.#ignoredAddresses(current.settings.bind, settings.bind),
      ...noEffectNotes(resolved)
        .filter((note) => !known.has(note))
        .map((text): ReloadLine => ({ level: "info", text })),
    ];
    return { status: "ok", effective, lines };
  }

  #ignoredAddresses(before: readonly string[], after: readonly string[]): ReloadLine[] {
    if (this.#master.inherited === undefined || before.join() === after.join()) return [];
    return [{ level: "warning", text: "setting has no effect, the server keeps the sockets that it was started with name=bind" }];
  }
}

/** Behind other numbers there may be anything of ours by now. @throws {Error} */
function refuseNewDescriptors(before: readonly ListenAddress[], after: readonly ListenAddress[]): void {
  for (const address of after) {
    if (address.kind !== "fd" || before.some((each) => each.kind === "fd" && each.fd === address.fd)) continue;
    throw new Error(`fd://${address.fd} was not taken over at the start: another descriptor needs another start`);
  }
}

/** What Gunicorn would print before it ends. */
function failed({ stderr }: Exit): ReadAgain {
  return { status: "failed", text: stderr };
}
