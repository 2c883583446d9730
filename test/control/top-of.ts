/** Snapshots of servers for tests of `tunicorn top`. */

import type { Top } from "../../src/control/our-answers.ts";
import type { ShownRequest, ShownWorker } from "../../src/control/picture.ts";
import type { Sample } from "../../src/control/top-rates.ts";
import { createTopState, type ScreenSize, stepTop, type TopState } from "../../src/control/top-state.ts";

const MIB = 1024 ** 2;

export function workerOf(pid: number, changes: Partial<ShownWorker> = {}): ShownWorker {
  return {
    pid,
    age: pid - 100,
    booted: true,
    aborted: false,
    last_heartbeat: 0.3,
    generation: 2,
    state: "ready",
    requests: 10,
    in_flight: 0,
    rss_bytes: 40 * MIB,
    pss_bytes: 20 * MIB,
    ...changes,
  };
}

export function requestOf(seconds: number, path: string, changes: Partial<ShownRequest> = {}): ShownRequest {
  return { method: "GET", path, id: 1, request_id: null, seconds, state: "running", pid: 101, ...changes };
}

export function topOf(changes: Partial<Top> = {}): Top {
  return {
    server: {
      pid: 99,
      version: "0.1.0",
      name: "shop:app",
      uptime: 3700,
      state: "serving",
      worker_class: "sync",
      listening: ["http://h:1"],
    },
    reload: { state: "none", generation: 2, ready: 2, target: 2, withdrawn: null },
    workers: [workerOf(101), workerOf(102)],
    requests: [],
    more_requests: 0,
    queue: { length: 0, oldest_seconds: null, silent_gateways: [] },
    connections: { open: 3, accepted: 30, silent_gateways: [] },
    counters: { requests: 20, workers_spawned: 4, workers_killed: 2, reloads: 1 },
    durations: null,
    exits: [],
    ...changes,
  };
}

export function sampleOf(changes: Partial<Top> = {}, atMs = 1000): Sample {
  return { atMs, top: topOf(changes) };
}

/** A dashboard that has looked once. */
export function lookedAt(changes: Partial<Top> = {}, size: ScreenSize = { columns: 80, rows: 24 }): TopState {
  const state = createTopState(size);
  stepTop(state, { type: "looked", sample: sampleOf(changes) });
  return state;
}
