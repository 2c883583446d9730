/** What somebody at the control socket wants of the workers. */

import { setTarget } from "./hooks.ts";
import { recall } from "./rest.ts";
import { log, type Turn, type Worker } from "./state.ts";
import { retire } from "./workers.ts";

export type Order =
  /** So many workers. */
  | { readonly do: "set-workers"; readonly count: number }
  /** This one leaves now, as soon as its requests are done; another is forked for it. */
  | { readonly do: "retire"; readonly worker: number }
  /** This one leaves when another is ready in its place. */
  | { readonly do: "recycle"; readonly worker: number };

export function onOrder(turn: Turn, order: Order): void {
  if (turn.state.phase.at !== "serving") return;
  if (order.do === "set-workers") {
    if (order.count > turn.state.target) recall(turn);
    setTarget(turn, order.count);
    return;
  }
  const worker = turn.state.workers.get(order.worker);
  if (worker === undefined) return;
  if (order.do === "retire") retireNow(turn, worker);
  else recycle(turn, worker);
}

/** One that leaves already is not hurried: it has its time to finish. */
function retireNow(turn: Turn, worker: Worker): void {
  if (worker.state.at !== "booting" && worker.state.at !== "ready") return;
  log(turn, "info", `worker told to leave worker=${worker.number} pid=${worker.pid}`);
  retire(turn, worker);
}

function recycle(turn: Turn, worker: Worker): void {
  if (worker.doomed || (worker.state.at !== "booting" && worker.state.at !== "ready")) return;
  worker.doomed = true;
  log(turn, "info", `worker recycled, replacing it worker=${worker.number} pid=${worker.pid}`);
}
