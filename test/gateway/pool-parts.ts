/** What the pools of tests are made of, whichever way their requests go. */

import type { TestContext } from "node:test";
import type { SpoolLimits } from "../../src/gateway/byte-spool.ts";
import type { PoolLimits } from "../../src/gateway/pool-limits.ts";
import type { PoolReport } from "../../src/gateway/pool-report.ts";
import type { WorkerPool } from "../../src/gateway/worker-pool.ts";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import { unbounded, until } from "./spool-directory.ts";

/** A spool that nothing in a test fills. */
export function usualSpool(directory: string): SpoolLimits {
  return {
    memoryBytes: 1e9,
    memoryBudget: unbounded(),
    fileBytes: 1e9,
    budget: { usedBytes: 0, maxBytes: 1e9 },
    directory,
    onDiskError: () => {},
  };
}

/** Limits that nothing in a test meets by accident. @param now  Monotonic milliseconds. */
export function usualLimits(now: () => number, spool: SpoolLimits): PoolLimits {
  return {
    now,
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
  };
}

/** @param reports  Gets a line for each: `"ready 1"`, `"lost 1 /a,/b"`, `"late 1 soft true /a 1500"`. */
export function notedIn(reports: string[]): PoolReport {
  return {
    workerReady: (worker) => reports.push(`ready ${worker}`),
    workerLeaving: (worker) => reports.push(`leaving ${worker}`),
    workerLost: ({ worker, requests }) => reports.push(`lost ${worker} ${requests.map(({ target }) => target).join() || "-"}`),
    overdue: (worker, silentMs, request) => reports.push(`overdue ${worker} ${silentMs} ${request?.target ?? "-"}`),
    late: (worker, limit, first, { target, ageMs }) => reports.push(`late ${worker} ${limit} ${first} ${target} ${ageMs}`),
    waited: () => {},
    warn: (text) => reports.push(text),
    limitReached: (limit, limitMs, remoteAddress) => reports.push(`${limit} ${limitMs} ${remoteAddress}`),
    unclaimed: ({ status, head }) => reports.push(`unclaimed ${status} ${head.target}`),
    fault: (error) => {
      throw error;
    },
  };
}

/** A pool under test and the lines of `notedIn`. */
export interface NotedPool {
  readonly pool: WorkerPool;
  readonly reports: readonly string[];
}

/** Adds a worker of one lane, which has not said that it is ready. */
export async function addWorker(t: TestContext, directory: string, { pool }: NotedPool, number: number): Promise<FakeWorker> {
  const worker = await FakeWorker.connect(t, directory);
  pool.addLane(number, 0, 100 + number, worker.gatewayHandle);
  return worker;
}

/** Adds a worker of one lane and waits until the pool knows that it is ready. */
export async function addReadyWorker(t: TestContext, directory: string, noted: NotedPool, number: number): Promise<FakeWorker> {
  const worker = await addWorker(t, directory, noted, number);
  worker.sendUInt32(FROM_WORKER.ready, 0, number);
  await until(() => noted.reports.includes(`ready ${number}`));
  return worker;
}
