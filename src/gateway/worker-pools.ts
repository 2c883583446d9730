/**
 * The worker pools of a gateway, one for each way in which requests reach workers. There is a second one only after a reload that
 * changed the worker class: new requests then go to the pool of the settings as soon as it has a worker.
 */

import type { RequestStream } from "../request/exchange.ts";
import type { Settings } from "../settings/table.ts";
import { delivery, workerKind } from "../settings/worker-class.ts";
import type { PoolHoldings } from "./holdings.ts";
import type { LoadCharacter } from "./load-character.ts";
import type { PoolLimits } from "./pool-limits.ts";
import type { ApplicationEnd } from "./taken-connection.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Pulled, or pushed to applications of either interface. */
export type Way = "pull" | "asgi" | "wsgi";

/** @returns undefined for workers that accept clients by themselves. */
export function wayOf(settings: Settings): Way | undefined {
  const how = delivery(settings);
  if (how === "pull") return how;
  if (how !== "push") return undefined;
  return workerKind(settings) === "asgi" ? "asgi" : "wsgi";
}

export class WorkerPools {
  readonly #make: (way: Way) => WorkerPool;
  readonly #pools = new Map<Way, WorkerPool>();
  /** The one that the settings want. */
  #wanted: WorkerPool;

  constructor(way: Way, make: (way: Way) => WorkerPool) {
    this.#make = make;
    this.#wanted = this.#pool(way);
  }

  #pool(way: Way): WorkerPool {
    const pool = this.#pools.get(way) ?? this.#make(way);
    this.#pools.set(way, pool);
    return pool;
  }

  /** New settings. */
  change(way: Way, limits: PoolLimits): void {
    this.#wanted = this.#pool(way);
    for (const pool of this.#pools.values()) {
      pool.change(limits);
      pool.successor = pool === this.#wanted ? undefined : this.#wanted;
    }
  }

  /** The server stops. */
  drain(): void {
    for (const pool of this.#pools.values()) pool.websockets.stop();
  }

  /** Requests held: being gathered, waiting, or with a worker. */
  get held(): number {
    return this.#sum((pool) => pool.held);
  }

  /** Requests waiting for a worker in the gateway. */
  get queued(): number {
    return this.#sum((pool) => pool.queued);
  }

  /** Lanes that take requests. */
  get workers(): number {
    return this.#sum((pool) => pool.workers);
  }

  get workerLagsMs(): [number, number][] {
    return [...this.#pools.values()].flatMap((pool) => pool.workerLagsMs);
  }

  #sum(count: (pool: WorkerPool) => number): number {
    let sum = 0;
    for (const pool of this.#pools.values()) sum += count(pool);
    return sum;
  }

  handle(stream: RequestStream): void {
    if (this.#pools.size === 1 || this.#wanted.workers > 0) {
      this.#wanted.handle(stream);
      return;
    }
    const serving = [...this.#pools.values()].find(({ workers }) => workers > 0);
    (serving ?? this.#wanted).handle(stream);
  }

  addLane(way: Way, worker: number, lane: number, pid: number, handle: unknown, generation: number): void {
    this.#pool(way).addLane(worker, lane, pid, handle, generation);
  }

  /** An application's way to the client of a stream has come from the nursery. */
  takeOver(way: Way, stream: number, application: ApplicationEnd): void {
    this.#pool(way).takeOver(stream, application);
  }

  /** Only one of them knows the worker. */
  stopWorker(worker: number): void {
    for (const pool of this.#pools.values()) pool.stopWorker(worker);
  }

  flush(): void {
    for (const pool of this.#pools.values()) pool.flush();
  }

  sweep(): void {
    for (const pool of this.#pools.values()) pool.sweep();
  }

  /** @param requestsMax  Of each pool's list. */
  holdings(requestsMax: number): PoolHoldings[] {
    return [...this.#pools.values()].map((pool) => pool.holdings(requestsMax));
  }

  judgeLoad(load: LoadCharacter): boolean {
    return this.#wanted.judgeLoad(load);
  }
}
