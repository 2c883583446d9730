/** A `WorkerPool` in one process: slot memory and pipe are arrays, workers are `FakeWorker`s on real sockets. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { PullPort, SlotClaim } from "../../src/dispatch/pull-dispatcher.ts";
import type { PoolLimits } from "../../src/gateway/pool-limits.ts";
import { pullServing } from "../../src/gateway/serving.ts";
import { WorkerPool } from "../../src/gateway/worker-pool.ts";
import type { BodyFraming } from "../../src/request/request-head.ts";
import type { FakeWorker } from "./fake-worker.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { addReadyWorker, notedIn, usualLimits, usualSpool } from "./pool-parts.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

export interface Ticket {
  readonly slot: number;
  readonly id: number;
  readonly headBytes: number | undefined;
  readonly bodyBytes: number | undefined;
}

export class PoolHarness implements PullPort {
  readonly slotCount = 16;
  readonly slotCapacity = 1000;
  readonly pool: WorkerPool;
  readonly limits: PoolLimits;
  readonly tickets: Ticket[] = [];
  readonly slots = Array.from({ length: 16 }, () => ({ id: 0, claim: 0, started: 0, beat: 0, head: "", body: "" }));
  readonly reports: string[] = [];
  readonly spoolBudget = { usedBytes: 0, maxBytes: 1e9 };
  /** Monotonic milliseconds. The dispatcher's timers are real and short. */
  nowMs = 1000;
  readonly #t: TestContext;
  readonly #directory: string;
  #workers = 0;

  constructor(t: TestContext, changes: Partial<PoolLimits> = {}) {
    this.#t = t;
    this.#directory = temporaryDirectory(t);
    const spool = { ...usualSpool(this.#directory), memoryBytes: 2000, fileBytes: 1e8, budget: this.spoolBudget };
    this.limits = { ...usualLimits(() => this.nowMs, spool), ...changes };
    this.pool = new WorkerPool(pullServing(this, this.limits), this.limits, notedIn(this.reports));
  }

  writeSlot(slot: number, id: number, head: string, body: Buffer | undefined): void {
    this.slots[slot] = { id, claim: 0, started: 0, beat: 0, head, body: body?.toString("latin1") ?? "" };
  }
  voidSlot(slot: number): void {
    this.slots[slot]!.id = 0;
  }
  readClaim(slot: number, into: SlotClaim): void {
    into.claim = this.slots[slot]!.claim;
    into.started = this.slots[slot]!.started;
    into.beat = this.slots[slot]!.beat;
  }
  stageTicket(slot: number, id: number, headBytes: number | undefined, bodyBytes: number | undefined): void {
    this.tickets.push({ slot, id, headBytes, bodyBytes });
  }
  sendTickets(): void {}
  sendVoidTicket(): void {}
  scheduleFlush(): void {
    setImmediate(() => this.pool.flush());
  }
  callAfter(delayMs: number, callback: () => void): void {
    // Slots rest for seconds: no test waits for that.
    const SHORT_MS = 100;
    if (delayMs < SHORT_MS) setTimeout(callback, delayMs);
  }

  /** A worker that is ready. */
  async worker(): Promise<{ worker: FakeWorker; number: number }> {
    const number = ++this.#workers;
    return { worker: await addReadyWorker(this.#t, this.#directory, this, number), number };
  }

  request(
    path: string,
    { framing, takes, headers }: { framing?: BodyFraming; takes?: number; headers?: [string, string][] } = {},
  ): MemoryExchange {
    const exchange = new MemoryExchange(requestHead(framing === undefined ? "GET" : "POST", path, framing, headers), {
      arrivedMs: this.nowMs,
      ...(takes === undefined ? {} : { takes }),
    });
    this.pool.handle(exchange);
    return exchange;
  }

  /** Reads the next ticket that is not void, claims its request and starts it, as worker `number` does. */
  async take(number: number): Promise<Ticket & { head: string; body: string }> {
    for (;;) {
      await until(() => this.tickets.length > 0);
      const ticket = this.tickets.shift() ?? assert.fail();
      const slot = this.slots[ticket.slot]!;
      if (slot.id !== ticket.id) continue;
      slot.claim = number;
      slot.started = this.nowMs | 1;
      return { ...ticket, head: slot.head, body: slot.body };
    }
  }

  /** Nothing is left behind. */
  assertEmpty(): void {
    assert.equal(this.pool.held, 0, "every request was counted out once");
    assert.equal(this.pool.queued, 0);
    assert.equal(this.spoolBudget.usedBytes, 0);
  }
}

/** A pool with one worker, which has just begun a request: its ticket's fields are there, too. */
export async function requestBegun(
  t: TestContext,
  path: string,
  asked: Parameters<PoolHarness["request"]>[1] = {},
  changes: Partial<PoolLimits> = {},
): Promise<
  { harness: PoolHarness; worker: FakeWorker; number: number; client: MemoryExchange } & Awaited<ReturnType<PoolHarness["take"]>>
> {
  const harness = new PoolHarness(t, changes);
  const { worker, number } = await harness.worker();
  const client = harness.request(path, asked);
  return { harness, worker, number, client, ...(await harness.take(number)) };
}
