/** Which gateways count a worker in. It is ready when all do that are up: each of them has requests that only its own workers get. */

import { isParting } from "./gateway.ts";
import type { Gateway, Turn, Worker } from "./state.ts";
import { noteReady } from "./worker-events.ts";

/** From now on the worker has `timeout` to be counted in: one that is in a request of a gateway that is gone has no other clock. */
export function awaitLink(turn: Turn, gateway: Gateway, worker: Worker): void {
  if (servesOn(worker)) return;
  if (!worker.links.has(gateway.index)) worker.unlinkedSinceMs.set(gateway.index, turn.nowMs);
}

/** A gateway counts the worker in. */
export function onLinked(turn: Turn, gateway: Gateway, number: number): void {
  const worker = turn.state.workers.get(number);
  if (worker === undefined || isParting(gateway)) return;
  worker.links.add(gateway.index);
  worker.unlinkedSinceMs.delete(gateway.index);
  judgeLinks(turn, worker);
}

/** The gateway is up: it has to count in every worker. */
export function beginLinks(turn: Turn, gateway: Gateway): void {
  for (const worker of turn.state.workers.values()) {
    if (worker.direct) continue;
    awaitLink(turn, gateway, worker);
    judgeLinks(turn, worker);
  }
}

/** The gateway is gone, and was not the only one perhaps. */
export function endLinks(turn: Turn, gateway: Gateway): void {
  for (const worker of turn.state.workers.values()) {
    if (worker.direct) continue;
    worker.links.delete(gateway.index);
    worker.unlinkedSinceMs.delete(gateway.index);
    judgeLinks(turn, worker);
  }
}

/** No gateway gives it requests any more. */
export function unlink(worker: Worker): void {
  worker.links.clear();
  worker.linked = false;
}

/** Its nursery is gone. @see servesOn */
export function orphanLinks(turn: Turn, worker: Worker): void {
  if (worker.direct || !servesOn(worker)) return;
  worker.unlinkedSinceMs.clear();
  judgeLinks(turn, worker);
}

/** An orphan serves the gateways that it has; nobody can give it a channel to another. */
function servesOn({ orphan, links }: Worker): boolean {
  return orphan && links.size > 0;
}

function judgeLinks(turn: Turn, worker: Worker): void {
  const up = turn.state.gateways.filter(({ life }) => life.at === "up");
  const linked = up.length > 0 && (servesOn(worker) || up.every(({ index }) => worker.links.has(index)));
  if (linked === worker.linked) return;
  worker.linked = linked;
  if (linked) noteReady(turn, worker);
}
