/** USR2: a new master beside this one, on the same sockets; and the same from the new one's side, until it is alone. */

import { describeStatus } from "./exit-report.ts";
import type { ExitStatus } from "./messages.ts";
import { type ArbiterState, log, type Turn } from "./state.ts";

export interface Succession {
  /** Pid of the master that has started this one, until it has ended. */
  predecessor: number | undefined;
  /** The new master. `wanted`: as soon as there are sockets to give it; `preparing`: `pre_exec` runs. */
  successor: "none" | "wanted" | "preparing" | "started";
  /** TERM has come while `pre_exec` ran: it is obeyed when there is a new master, or when there is none. A second one is obeyed at once. */
  termHeld: boolean;
}

/** What lines call this master. */
export function masterName({ succession }: ArbiterState): string {
  return succession.predecessor === undefined ? "Master" : "Master.2";
}

export function onUsr2(turn: Turn): void {
  const { succession, plan, drainDelay } = turn.state;
  if (succession.successor !== "none") log(turn, "warning", "USR2 signal ignored. Child exists.");
  else if (succession.predecessor !== undefined) log(turn, "warning", "USR2 signal ignored. Parent exists.");
  else if (drainDelay !== undefined) log(turn, "warning", "USR2 signal ignored. Draining.");
  else if (plan.containerEndsWithUs)
    log(turn, "warning", "USR2 signal ignored. A container ends with its first process, a new master would not outlive this one.");
  else succession.successor = "wanted";
}

/** Called after every event. */
export function superviseSuccession(turn: Turn): void {
  const { succession, phase, nursery, plan } = turn.state;
  if (succession.successor !== "wanted" && succession.successor !== "preparing") return;
  if (phase.at !== "serving" && phase.at !== "binding") succession.successor = "none";
  else if (succession.successor === "preparing" && nursery.at !== "up") notPrepared(turn, "the nursery died with it");
  else if (succession.successor === "wanted" && phase.at === "serving") {
    if (!plan.hooks.includes("pre_exec")) startSuccessor(turn);
    else if (nursery.at === "up") {
      succession.successor = "preparing";
      turn.out.push({ do: "tell-nursery", message: { cmd: "pre-exec" } });
    }
  }
}

/** The process of `pre_exec` has ended. */
export function onPreExecRan(turn: Turn, status: ExitStatus): void {
  if (turn.state.succession.successor !== "preparing" || turn.state.phase.at !== "serving") return;
  const well = status !== null && "code" in status && status.code === 0;
  if (well) startSuccessor(turn);
  else notPrepared(turn, describeStatus(status));
}

/** `pre_exec` could not be run, or has forbidden what comes after it. */
export function notPrepared(turn: Turn, detail: string): void {
  if (turn.state.succession.successor !== "preparing") return;
  turn.state.succession.successor = "none";
  log(turn, "error", `no new master is started, this one goes on: pre_exec failed: ${detail}`);
}

function startSuccessor(turn: Turn): void {
  turn.state.succession.successor = "started";
  turn.out.push({ do: "start-successor" });
}

/** The new master has ended, or could not be started (`cause`). */
export function onSuccessorExited(turn: Turn, pid: number | undefined, status: ExitStatus, cause: string | undefined): void {
  turn.state.succession.successor = "none";
  const goesOn = turn.state.phase.at === "serving" ? ", this one goes on" : "";
  if (cause !== undefined) log(turn, "error", `cannot start a new master${goesOn}: ${cause}`);
  else {
    const well = status !== null && "code" in status && status.code === 0;
    log(turn, well ? "info" : "warning", `new master ended${goesOn} pid=${pid} ${describeStatus(status)}`);
  }
}

/** The old master has ended: everything is ours now. */
export function onPredecessorGone(turn: Turn): void {
  const { succession } = turn.state;
  if (succession.predecessor === undefined) return;
  succession.predecessor = undefined;
  log(turn, "info", "Master has been promoted.");
  turn.out.push({ do: "promote" }, { do: "tell-nursery", message: { cmd: "promoted" } });
}

/** Another master has these sockets too: their files are left to it. */
export function sharesSockets({ succession }: ArbiterState): boolean {
  return succession.predecessor !== undefined || succession.successor === "started";
}

/**
 * A new master takes no clients before it has a worker for them: if its application cannot be imported it ends again, and
 * the old one, which serves all the while, loses none.
 */
export function awaitsFirstWorker(state: ArbiterState): boolean {
  if (state.plan.predecessor === undefined || state.gatewayProven) return false;
  return ![...state.workers.values()].some((worker) => worker.state.at === "ready");
}
