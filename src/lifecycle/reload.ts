/**
 * SIGHUP: the settings are read again, new addresses are bound beside the old ones, then the workers are replaced. Nothing that
 * serves goes before a worker of the new generation has been ready; until then everything can be taken back.
 */

import { noBackOff } from "./back-off.ts";
import type { Reading } from "./event.ts";
import { callHook, setTarget } from "./hooks.ts";
import { areSameAddresses, listenerUrls } from "./listening.ts";
import { beginRest } from "./rest.ts";
import { log, type Turn } from "./state.ts";
import { masterName } from "./succession.ts";
import { dismissObsoleteBoots } from "./workers.ts";

/** A nursery that has not run the configuration by then is killed: it is stuck in it, and can do nothing else. Twice what a new one has for its start. */
export const READING_MS = 40_000;

/** Says why everything stays as it was. */
export function noteWithdrawn(turn: Turn, why: string, detail = ""): void {
  turn.state.withdrawn = `${why}${detail}`;
  log(turn, "error", `reload withdrawn, ${why}${detail}`);
}

/** Another reload is wanted. The newest wins: one that is not applied yet is forgotten. */
export function requestReload(turn: Turn): void {
  const { state } = turn;
  state.withdrawn = undefined;
  log(turn, "info", `Hang up: ${masterName(state)}`);
  state.reload = state.reload.at === "reading" ? { ...state.reload, again: true } : { at: "due" };
}

/** Begins a reload that is due. Called after every event. */
export function superviseReload(turn: Turn): void {
  const { state } = turn;
  if (state.reload.at === "reading" && turn.nowMs - state.reload.sinceMs >= READING_MS) {
    state.reload = { ...state.reload, sinceMs: turn.nowMs };
    turn.out.push({ do: "kill-nursery" });
  }
  if (state.reload.at !== "due" || state.phase.at !== "serving" || state.nursery.at !== "up") return;
  state.readings += 1;
  state.reload = { at: "reading", reading: state.readings, sinceMs: turn.nowMs, again: false };
  turn.out.push({ do: "read-settings", reading: state.readings });
}

export function onSettingsRead(turn: Turn, reading: number, outcome: Reading): void {
  const { state } = turn;
  if (state.reload.at !== "reading" || state.reload.reading !== reading) return;
  if (state.reload.again) {
    state.reload = { at: "due" };
    return;
  }
  state.reload = { at: "none" };
  if (outcome.status === "failed") {
    // Whoever sends HUP after a rotation of the logs gets that at least.
    turn.out.push({ do: "reopen-logs" }, { do: "tell-gateways", message: { cmd: "reopen-logs" } });
    noteWithdrawn(turn, "the settings cannot be used, everything stays as it was", `\n${outcome.text.trim()}`);
    return;
  }
  if (areSameAddresses(outcome.plan.addresses, state.plan.addresses)) applyPlan(turn, outcome);
  else state.reload = { at: "binding", read: outcome, failed: undefined, retryAtMs: undefined };
}

/** All wanted addresses listen: the settings of a reload that waited for that are applied. */
export function onRebound(turn: Turn): void {
  const { reload } = turn.state;
  if (reload.at !== "binding") return;
  turn.state.reload = { at: "none" };
  applyPlan(turn, reload.read);
}

/** The nursery that ran the configuration has died: perhaps by it. */
export function onReadingLost(turn: Turn): void {
  const { state } = turn;
  if (state.reload.at !== "reading") return;
  const { again } = state.reload;
  state.reload = again ? { at: "due" } : { at: "none" };
  if (!again) noteWithdrawn(turn, "the nursery died while it ran the configuration, everything stays as it was");
}

/** The new settings count, and a new generation of workers begins. */
function applyPlan(turn: Turn, { plan, lines }: Extract<Reading, { status: "ok" }>): void {
  const { state } = turn;
  const moved = !areSameAddresses(plan.addresses, state.plan.addresses);
  if (state.provenGeneration !== undefined) state.fallback ??= { plan: state.plan, target: state.target };
  state.plan = plan;
  turn.out.push({ do: "apply-settings", plan });
  for (const { level, text } of lines) log(turn, level, text);
  setTarget(turn, plan.workers);
  turn.out.push({ do: "reopen-logs" });
  if (moved) log(turn, "info", `Listening at: ${listenerUrls(state)}`);
  callHook(turn, "on_reload");
  beginGeneration(turn);
}

/** With `reload`: workers with the new code take the place of those with the old one, which serve until then. TTIN and TTOU stay. */
export function onSourceChanged(turn: Turn, path: string): void {
  if (turn.state.phase.at !== "serving") return;
  log(turn, "info", `Worker reloading: ${path} modified`);
  beginGeneration(turn);
}

function beginGeneration(turn: Turn): void {
  const { state } = turn;
  state.lastGeneration += 1;
  state.generation = state.lastGeneration;
  state.workerBackOff = noBackOff();
  state.reloading = true;
  state.withdrawn = undefined;
  dismissObsoleteBoots(turn);
}

/** A worker of the wanted generation has been ready: there is no way back, and nothing is kept for one. */
export function commitReload(turn: Turn): void {
  turn.state.fallback = undefined;
}

/** Gives up a new generation that does not boot; the one before goes on serving, with its settings. */
export function withdrawReload(turn: Turn, proven: number): void {
  const { state } = turn;
  noteWithdrawn(turn, `the old workers keep serving gen=${state.generation} serving=${proven}`);
  state.generation = proven;
  state.reloading = false;
  state.workerBackOff = noBackOff();
  if (state.fallback !== undefined) {
    const { plan, target } = state.fallback;
    state.fallback = undefined;
    state.plan = plan;
    turn.out.push({ do: "apply-settings", plan });
    setTarget(turn, target);
    if (target === 0) beginRest(turn);
  }
  dismissObsoleteBoots(turn);
}
