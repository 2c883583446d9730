/** The master's hooks: the nursery calls them, the mind says when. */

import type { NurseryEvent } from "./messages.ts";
import { log, type Turn } from "./state.ts";
import { beginStop } from "./stop.ts";

/** Hooks of the master that the nursery calls when it is told; `pre_fork` and `child_exit` it calls by itself. */
export const TOLD_HOOKS = ["on_starting", "when_ready", "on_reload", "on_exit", "nworkers_changed"] as const;
export type ToldHook = (typeof TOLD_HOOKS)[number];

/** What the nursery calls when it is told, `pre_exec` in a process of its own. */
export const ORDERED_HOOKS = [...TOLD_HOOKS, "pre_exec"] as const;
export type OrderedHook = (typeof ORDERED_HOOKS)[number];

/** Has the nursery call a hook, if it is set. */
export function callHook(turn: Turn, hook: ToldHook): void {
  if (turn.state.plan.hooks.includes(hook)) turn.out.push({ do: "tell-nursery", message: { cmd: "hook", hook } });
}

/** Says how many workers are wanted. @param before  null: nobody has been told of any. */
export function callWorkersChanged(turn: Turn, count: number, before: number | null): void {
  if (!turn.state.plan.hooks.includes("nworkers_changed")) return;
  turn.out.push({ do: "tell-nursery", message: { cmd: "hook", hook: "nworkers_changed", count, before } });
}

/** What comes before any socket. A new nursery gets it too: it has none of the live objects that these hooks make. */
export function callFirstHooks(turn: Turn): void {
  callWorkersChanged(turn, turn.state.target, null);
  callHook(turn, "on_starting");
}

/** The number of workers changes, by ourselves. */
export function setTarget(turn: Turn, count: number): void {
  const before = turn.state.target;
  turn.state.target = count;
  callWorkersChanged(turn, count, before);
}

/** A hook raised. Before anybody was served that is the end, as with Gunicorn; later the server goes on, unless the hook asked for its end. */
export function onHookFailed(turn: Turn, { hook, text, code }: Extract<NurseryEvent, { ev: "hook-failed" }>): void {
  const starting = turn.state.provenGeneration === undefined && hook !== "child_exit" && hook !== "pre_fork";
  if (code === null && !starting) {
    log(turn, "error", `Exception in ${hook} hook\n${text.trimEnd()}`);
    return;
  }
  if (text !== "") turn.out.push({ do: "print-error", text });
  beginStop(turn, { quick: true, ending: { code: code ?? 1, reason: undefined, silent: true } });
}
