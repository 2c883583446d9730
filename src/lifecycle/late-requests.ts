/** Requests that are in the application for longer than they may (`slow_request`, `request_timeout`, `request_timeout_hard`). */

import type { GatewayEvent } from "./messages.ts";
import { noteReason } from "./restarts.ts";
import { describeRequest, log, type Turn } from "./state.ts";
import { abortWith } from "./worker-events.ts";

/**
 * What the gateway says about a request. At the hard limit it has answered the client, so that the worker's end is for the log only; the
 * soft one is said again while the request lasts, because an interruption may meet code that must not be interrupted. One that is only slow
 * is shown, and again at twice the age.
 */
export function onLate(turn: Turn, late: Extract<GatewayEvent, { ev: "late" }>): void {
  const worker = turn.state.workers.get(late.worker);
  if (worker === undefined) return;
  const detail = `worker=${worker.number} pid=${worker.pid} ${describeRequest(late.request)}`;
  if (late.limit === "hard") {
    noteReason(worker, "request-timeout");
    abortWith(turn, worker, [`request over its hard time limit, killing its worker ${detail}`]);
    return;
  }
  if (late.limit === "slow") {
    turn.out.push({ do: "log-stacks", worker: worker.number, request: late.request.id, text: `slow request ${detail}` });
    return;
  }
  if (late.first) log(turn, "error", `request over its time limit, interrupting it ${detail}`);
  turn.out.push({ do: "tell-nursery", message: { cmd: "interrupt", worker: worker.number } });
}
