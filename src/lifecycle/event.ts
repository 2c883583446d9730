/** Everything that can happen to the arbiter. `nowMs` is monotonic; the mind has no other clock. */

import type { ExitStatus, GatewayEvent, LogLevel, NurseryEvent } from "./messages.ts";
import type { Plan } from "./state.ts";
import type { Order } from "./steering.ts";

/** The signals a master acts on, without `SIG`, lower case as Gunicorn logs them. */
export const MASTER_SIGNALS = ["hup", "int", "quit", "term", "ttin", "ttou", "usr1", "usr2", "winch"] as const;
export type MasterSignal = (typeof MASTER_SIGNALS)[number];

/** What became of one reading of the settings. */
export type Reading =
  /** `lines`: what is to be said of them when they are applied. */
  | { readonly status: "ok"; readonly plan: Plan; readonly lines: readonly { readonly level: LogLevel; readonly text: string }[] }
  | { readonly status: "failed"; readonly text: string };

export type ArbiterEvent =
  | { readonly type: "begin"; readonly nowMs: number }
  | { readonly type: "signal"; readonly nowMs: number; readonly name: MasterSignal }
  | { readonly type: "nursery-said"; readonly nowMs: number; readonly said: NurseryEvent }
  /** The nursery's process ended, or could not be started (`cause` then says why). */
  | { readonly type: "nursery-exited"; readonly nowMs: number; readonly status: ExitStatus; readonly cause?: string }
  /** The nursery lives and has answered nothing for so long. */
  | { readonly type: "nursery-silent"; readonly nowMs: number; readonly silentMs: number }
  /** `gateway`: its index. */
  | { readonly type: "gateway-said"; readonly nowMs: number; readonly gateway: number; readonly said: GatewayEvent }
  /** End of file on the control socket of the gateway with this pid. */
  | { readonly type: "gateway-closed"; readonly nowMs: number; readonly pid: number }
  /** With `reload`: a source file has changed. */
  | { readonly type: "source-changed"; readonly nowMs: number; readonly path: string }
  /** The answer to `read-settings`. */
  | { readonly type: "settings-read"; readonly nowMs: number; readonly reading: number; readonly outcome: Reading }
  /** The new master that was started has ended, or could not be started (`cause` then says why, and there is no pid). */
  | {
      readonly type: "successor-exited";
      readonly nowMs: number;
      readonly pid: number | undefined;
      readonly status: ExitStatus;
      readonly cause?: string;
    }
  /** Somebody at the control socket wants something that no signal says. */
  | { readonly type: "ordered"; readonly nowMs: number; readonly order: Order }
  /** An order to end as after TERM, `drain_delay` included. */
  | { readonly type: "drain"; readonly nowMs: number }
  /** The master that had started this one has ended. */
  | { readonly type: "predecessor-gone"; readonly nowMs: number }
  /** A moment the mind had asked for (`nextWakeMs`); an extra one does no harm. */
  | { readonly type: "tick"; readonly nowMs: number };

/** @returns the signal's name as the mind uses it, e.g. `"term"` for `"SIGTERM"` or `"TERM"`; undefined for one the master has no part for. */
export function masterSignal(name: string): MasterSignal | undefined {
  const short = name.replace(/^SIG/, "").toLowerCase();
  return MASTER_SIGNALS.find((known) => known === short);
}
