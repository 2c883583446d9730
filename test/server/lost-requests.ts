/** What is done to a server under load, and how many requests that costs: for the ordinary test and for the soak that compares. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { pidIn, workersOf } from "./upgrade.ts";

export const RATE = 400;
export const THREADS = ["--threads", "16"];

/** A client that stood still sends all that was due meanwhile at once. */
const SLACK_MS = 100;

export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: string;
  /** Servers that can do it. */
  readonly kinds: readonly ServerKind[];
  /** Between two turns of what is done at a steady pace. */
  readonly periodMs?: number;
  /** What is done to it again and again until `over`. @returns how often. */
  readonly disturb: (scope: Scope, server: Disturbed, over: () => boolean, periodMs?: number) => Promise<number>;
  /** Of Tunicorn: at most so many failures, and how they look. `inFlight`: the most requests that were on their way at any time. */
  readonly allowed?: (times: number, inFlight: number) => { count: number; failures: readonly string[] };
}

export interface Disturbed {
  readonly server: Server;
  readonly pidFile: string;
  /** The master of now: an upgrade has another one. */
  master: number;
}

export async function startScenario(scope: Scope, kind: ServerKind, { args, env = {} }: Scenario): Promise<Disturbed> {
  const pidFile = join(temporaryFolder(scope), "pid");
  const server = await Server.start(scope, kind, { args: ["-w", "2", "-p", pidFile, ...args, "lost_site:app"], env });
  await waitUntil("waiting for an answer", () =>
    server.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return { server, pidFile, master: server.pid };
}

/** Requests per second and the longest of them say how many can have been on their way at once (Little's law); a turn of the client sends several. */
export function mostInFlight(rate: number, longestMs: number): number {
  return Math.ceil((rate * (longestMs + SLACK_MS)) / 1000);
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The first time, so that there is some load before it. */
const FIRST_MS = 500;

/** Does it at a steady pace until it is over. */
function steadily(act: (disturbed: Disturbed, turn: number) => void): Scenario["disturb"] {
  return async (_, disturbed, over, periodMs = 1000) => {
    let times = 0;
    for (let dueMs = performance.now() + Math.min(FIRST_MS, periodMs); ; dueMs += periodMs) {
      while (performance.now() < dueMs) {
        if (over()) return times;
        await pause(Math.min(50, Math.max(1, dueMs - performance.now())));
      }
      act(disturbed, times);
      times += 1;
    }
  };
}

function signals(...names: readonly NodeJS.Signals[]): Scenario["disturb"] {
  return steadily(({ master }, turn) => void process.kill(master, names[turn % names.length]));
}

/** USR2, a new master that serves, TERM to the old one: again and again. */
const upgrades: Scenario["disturb"] = async (scope, disturbed, over) => {
  let times = 0;
  for (; !over(); times += 1) {
    const { master, pidFile } = disturbed;
    process.kill(master, "SIGUSR2");
    const next = await waitUntil("waiting for the new master", () => pidIn(`${pidFile}.2`));
    scope.after(() => killQuietly(next));
    await waitUntil("waiting for its workers", () => workersOf(next).length === 2);
    // Gunicorn's workers are there before they have imported anything.
    await pause(500);
    process.kill(master, "SIGTERM");
    await waitUntil("waiting until it is the only one", () => pidIn(pidFile) === next);
    disturbed.master = next;
  }
  return times;
};

/** Workers replace themselves. */
const recycling: Scenario["disturb"] = async (_, { server }, over) => {
  while (!over()) await pause(50);
  return server.countLines(/Autorestarting worker|worker has done its time/);
};

/** Nobody is asked for; a process beside the server uses as much of a processor as an import would. */
const burning: Scenario["disturb"] = async (scope, _, over) => {
  const child = spawn(process.execPath, ["-e", "for(;;);"], { stdio: "ignore" });
  scope.after(() => void child.kill("SIGKILL"));
  while (!over()) await pause(50);
  child.kill("SIGKILL");
  await once(child, "exit");
  return 0;
};

const BOTH: readonly ServerKind[] = ["gunicorn", "tunicorn"];
const OURS: readonly ServerKind[] = ["tunicorn"];
const IMPORT = { IMPORT_SECONDS: "1.5" };
/** More than `RATE` requests of 50 ms have in the application at once. */
const IN_APPLICATION_MAX = 32;

function killWorker({ master }: Disturbed, turn: number): void {
  const workers = workersOf(master);
  killIfThere(workers[turn % workers.length]);
}

/** The one before it may not have a successor yet. */
function killIfThere(pid: number | undefined): void {
  if (pid !== undefined) killQuietly(pid);
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "nothing", args: [], kinds: BOTH, disturb: recycling },
  { name: "burner beside it", args: [], env: IMPORT, kinds: BOTH, disturb: burning },
  { name: "HUP every 2 s, 1.5 s import", args: [], env: IMPORT, kinds: BOTH, periodMs: 2000, disturb: signals("SIGHUP") },
  { name: "max_requests 10", args: ["--max-requests", "10"], kinds: BOTH, disturb: recycling },
  { name: "TTIN, TTOU every 0.2 s", args: [], kinds: BOTH, periodMs: 200, disturb: signals("SIGTTIN", "SIGTTOU") },
  { name: "USR2, TERM to the old master", args: [], kinds: BOTH, disturb: upgrades },
  {
    name: "max_worker_memory, 256 KiB per request",
    args: ["--max-worker-memory", "80"],
    path: "/grow",
    kinds: OURS,
    disturb: recycling,
  },
  {
    name: "kill -9 of a worker every second, 50 ms, retry on",
    args: [...THREADS, "--retry-safe-requests"],
    path: "/wait",
    kinds: OURS,
    disturb: steadily(killWorker),
  },
  {
    name: "kill -9 of a worker every second, 50 ms",
    args: THREADS,
    path: "/wait",
    kinds: BOTH,
    disturb: steadily(killWorker),
    allowed: (times) => ({ count: times * IN_APPLICATION_MAX, failures: ["status 502"] }),
  },
  {
    name: "kill -9 of the gateway every 3 s, 50 ms",
    args: THREADS,
    path: "/wait",
    kinds: OURS,
    periodMs: 3000,
    disturb: steadily(({ server }) => killIfThere(server.gateway())),
    allowed: (times, inFlight) => ({ count: times * inFlight, failures: ["ECONNRESET", "closed without an answer", "cut", "EPIPE"] }),
  },
  {
    name: "kill -9 of the nursery every 3 s",
    args: [],
    kinds: OURS,
    periodMs: 3000,
    disturb: steadily(({ server }) => killIfThere(server.nursery())),
  },
];
