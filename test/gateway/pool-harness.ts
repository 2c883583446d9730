/** A `WorkerPool` in one process: slot memory and pipe are arrays, workers are `FakeWorker`s on real sockets. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { PullPort, SlotClaim } from "../../src/dispatch/pull-dispatcher.ts";
import { pullServing } from "../../src/gateway/serving.ts";
import { type PoolLimits, WorkerPool } from "../../src/gateway/worker-pool.ts";
import type { BodyFraming } from "../../src/request/request-head.ts";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { temporaryDirectory, unbounded, until } from "./spool-directory.ts";

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
    const spool = {
      memoryBytes: 2000,
      memoryBudget: unbounded(),
      fileBytes: 1e8,
      budget: this.spoolBudget,
      directory: this.#directory,
      onDiskError: () => {},
    };
    this.limits = {
      now: () => this.nowMs,
      lookAhead: 8,
      scriptName: "",
      rootPath: "",
      messageBytesMax: 1e6,
      workerConnections: 1000,
      requestBuffering: true,
      bodyWaitMs: 10_000,
      queueTimeoutMs: 0,
      timeoutMs: 30_000,
      requestTimes: { slowMs: 0, softMs: 0, hardMs: 0 },
      retriesSafe: false,
      requestSpool: spool,
      responseSpool: { ...spool },
      ...changes,
    };
    this.pool = new WorkerPool(pullServing(this, this.limits), this.limits, {
      workerReady: (worker) => this.reports.push(`ready ${worker}`),
      workerLeaving: (worker) => this.reports.push(`leaving ${worker}`),
      workerLost: ({ worker, requests }) => this.reports.push(`lost ${worker} ${requests.map(({ target }) => target).join() || "-"}`),
      overdue: (worker, silentMs, request) => this.reports.push(`overdue ${worker} ${silentMs} ${request?.target ?? "-"}`),
      late: (worker, limit, first, { target, ageMs }) => this.reports.push(`late ${worker} ${limit} ${first} ${target} ${ageMs}`),
      warn: (text) => this.reports.push(text),
      limitReached: (limit, limitMs, remoteAddress) => this.reports.push(`${limit} ${limitMs} ${remoteAddress}`),
      fault: (error) => {
        throw error;
      },
    });
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
    const worker = await FakeWorker.connect(this.#t, this.#directory);
    const number = ++this.#workers;
    this.pool.addLane(number, 0, 100 + number, worker.gatewayHandle);
    worker.sendUInt32(FROM_WORKER.ready, 0, number);
    await until(() => this.reports.includes(`ready ${number}`));
    return { worker, number };
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
