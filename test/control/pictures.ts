/** A server at one moment, for tests of answers. */

import { Chronicle } from "../../src/control/chronicle.ts";
import type { GatewayReport, ReportedRequest } from "../../src/control/gateway-report.ts";
import { joinReports } from "../../src/control/gateway-report.ts";
import type { Picture } from "../../src/control/picture.ts";
import { createState, type Worker, type WorkerState } from "../../src/lifecycle/state.ts";
import { resolvedOf } from "../arbiter/settings-of.ts";
import { PLAN } from "../lifecycle/world.ts";

export const GATEWAY_PID = 90;

export function workerOf(number: number, state: WorkerState, more: Partial<Worker> = {}): Worker {
  return {
    number,
    generation: 0,
    direct: false,
    forkedMs: 0,
    pid: 100 + number,
    bornMs: 1000,
    state,
    linked: state.at === "ready",
    links: new Set(state.at === "ready" ? [0] : []),
    channelEnded: false,
    unlinkedSinceMs: new Map(),
    orphan: false,
    doomed: false,
    leaving: undefined,
    signalledDueMs: undefined,
    signalledBy: "",
    ...more,
  };
}

export const READY: WorkerState = { at: "ready", sinceMs: 2000 };

const RUNNING: ReportedRequest = { method: "GET", target: "/slow", id: 7, ageMs: 4321, state: "running", worker: 1 };
const QUEUED: ReportedRequest = { method: "POST", target: "/next", id: 0, ageMs: 1234, state: "queued" };
const REPORT: GatewayReport = {
  requests: [RUNNING, QUEUED],
  more: 3,
  queued: 4,
  answered: 17,
  connections: 6,
  accepted: 9,
  workers: [
    { worker: 1, requests: 10, inFlight: 1, silentMs: 4300 },
    { worker: 2, requests: 7, inFlight: 0, silentMs: 0 },
  ],
};

/** Ten seconds old: worker 1 in a request, 2 idle, 3 booting, 4 not born yet. @param report  Of its gateway. */
export function pictureOf(more: Partial<Picture> = {}, report: GatewayReport | "silent" | "none" = REPORT): Picture {
  const state = createState(PLAN, 0);
  state.phase = { at: "serving" };
  state.listeners = [{ index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 }];
  for (const worker of [
    workerOf(1, READY),
    workerOf(2, READY, { doomed: true }),
    workerOf(3, { at: "booting" }),
    workerOf(4, { at: "booting" }, { pid: undefined, bornMs: undefined }),
  ])
    state.workers.set(worker.number, worker);
  return {
    nowMs: 10_000,
    pid: 99,
    version: "0.1.0",
    state,
    resolved: resolvedOf(["-w", "2", "shop:app"]),
    chronicle: new Chronicle(0),
    listenerDescriptors: [24],
    report: report === "none" ? undefined : joinReports([[GATEWAY_PID, report === "silent" ? undefined : report]]),
    memory: new Map([[101, { rssBytes: 3_000_000, pssBytes: 1_000_000 }]]),
    ...more,
  };
}
