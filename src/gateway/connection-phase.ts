/** What a client's connection waits for, and what becomes due in it as time passes. No sockets: the connection acts. */

import type { ConnectionLimits } from "./limits-from-settings.ts";

/** After a refusal the client's remaining bytes are read for this long, so that a reset does not eat the page (RFC 9112 §9.6). */
const LINGER_MS = 2000;
/** The same when the server stops: a page is with its client in half of this, and the stop waits for the slowest. */
const LINGER_DRAINING_MS = 500;
/** When the server stops, a request may still be on its way on an idle connection: this long, more than light needs around the earth. */
const DRAIN_IDLE_MS = 200;
/** What was written of a response that is cut has this long to reach the client before the reset, which throws away what the kernel still has. */
const RESET_AFTER_MS = 1000;

/** When no more connections can be accepted, an idle one has this long: Gunicorn's default for all of them. Somebody waits for its place. */
export const CROWDED_IDLE_MS = 2000;

/** `sinceMs` starts the clock of the limit that applies. */
export type Phase =
  | { readonly at: "idle"; readonly sinceMs: number; readonly servedBefore: boolean }
  | { readonly at: "head"; readonly sinceMs: number }
  | { readonly at: "exchange" }
  /** The response is complete, the rest of its request's body is thrown away. */
  | { readonly at: "skipping"; readonly sinceMs: number }
  /** FIN has been sent, the client may still be sending. */
  | { readonly at: "lingering"; readonly sinceMs: number }
  /** The response has been cut, and only a reset can tell the client. */
  | { readonly at: "cut"; readonly sinceMs: number };

export interface PhaseSurroundings {
  readonly limits: ConnectionLimits;
  /** The idle limit of this connection: trusted peers have one of their own. */
  readonly idleMs: number;
  /** Since when the server stops. */
  readonly drainingSinceMs: number | undefined;
  /** There is no room for another connection. */
  readonly crowded: boolean;
  /** Bytes wait for the client. */
  readonly unsent: boolean;
}

/** What is to be done now. `limitMs` goes into the log. */
export type Due =
  | { readonly is: "close-idle"; readonly limit: "idle-timeout" | "head-timeout"; readonly limitMs: number }
  | { readonly is: "refuse-head"; readonly limitMs: number }
  /** The server stops: an idle connection ends without further ado. */
  | { readonly is: "close-drained" }
  /** The phase's time begins only now. */
  | { readonly is: "begin-anew" }
  | { readonly is: "linger" | "destroy" | "reset" };

/** Undefined: nothing is due. */
export function whatIsDue(phase: Phase, nowMs: number, around: PhaseSurroundings): Due | undefined {
  switch (phase.at) {
    case "idle":
      return idleDue(phase, nowMs, around);
    case "head": {
      const { headMs, drainHeadMs } = around.limits;
      if (nowMs - phase.sinceMs >= headMs) return { is: "refuse-head", limitMs: headMs };
      return isDrained(phase.sinceMs, nowMs, around, drainHeadMs) ? { is: "refuse-head", limitMs: drainHeadMs } : undefined;
    }
    case "exchange":
      return undefined;
    case "skipping":
      return nowMs - phase.sinceMs >= LINGER_MS ? { is: "linger" } : undefined;
    case "lingering": {
      // The time begins when the kernel has the last byte.
      if (around.unsent) return { is: "begin-anew" };
      const lingerMs = around.drainingSinceMs === undefined ? LINGER_MS : LINGER_DRAINING_MS;
      return nowMs - phase.sinceMs >= lingerMs ? { is: "destroy" } : undefined;
    }
    case "cut":
      if (around.unsent) return { is: "begin-anew" };
      return nowMs - phase.sinceMs >= RESET_AFTER_MS ? { is: "reset" } : undefined;
  }
}

function idleDue({ sinceMs, servedBefore }: Phase & { at: "idle" }, nowMs: number, around: PhaseSurroundings): Due | undefined {
  const usualMs = servedBefore ? around.idleMs : around.limits.headMs;
  const limitMs = around.crowded ? Math.min(usualMs, CROWDED_IDLE_MS) : usualMs;
  // Nobody asks on before the answer has come: the time begins when the kernel has its last byte.
  if (around.unsent && around.drainingSinceMs === undefined) return { is: "begin-anew" };
  if (nowMs - sinceMs >= limitMs) return { is: "close-idle", limit: servedBefore ? "idle-timeout" : "head-timeout", limitMs };
  return isDrained(sinceMs, nowMs, around, DRAIN_IDLE_MS) ? { is: "close-drained" } : undefined;
}

/** The server has been stopping, and the connection been in its phase, for `limitMs`: one that was accepted late has its chance too. */
function isDrained(sinceMs: number, nowMs: number, { drainingSinceMs }: PhaseSurroundings, limitMs: number): boolean {
  return drainingSinceMs !== undefined && nowMs - Math.max(drainingSinceMs, sinceMs) >= limitMs;
}
