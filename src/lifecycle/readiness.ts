/** Whether clients should be sent here: what a load balancer's or an orchestrator's probe asks. */

import { type ArbiterState, isServing } from "./state.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in words that a person reads; empty when ready. */
  readonly reasons: readonly string[];
}

/** @returns e.g. `{ ready: false, reasons: ["stopping"] }`. A reload and a gateway that takes a moment to hear of its workers change nothing as long as somebody serves. */
export function readiness(state: ArbiterState): Readiness {
  const reasons = reasonsAgainst(state);
  return { ready: reasons.length === 0, reasons };
}

function reasonsAgainst(state: ArbiterState): string[] {
  const { phase } = state;
  if (phase.at === "stopping" || phase.at === "exited") return ["stopping"];
  if (state.drainDelay !== undefined || state.succession.termHeld) return ["draining"];
  if (phase.at === "binding" || state.provenGeneration === undefined) return ["starting"];
  if (state.target === 0 || state.rest !== undefined) return ["resting, no workers are wanted"];
  return [...state.workers.values()].some(isServing) ? [] : ["no worker is ready"];
}
