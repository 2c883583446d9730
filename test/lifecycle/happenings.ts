/** What may happen to a server, at random, and the two stories that are told of it: for the quick test and for the soak. Tests only. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { MASTER_SIGNALS } from "../../src/lifecycle/event.ts";
import { readiness } from "../../src/lifecycle/readiness.ts";
import type { Plan } from "../../src/lifecycle/state.ts";
import { type BootResult, World } from "./world.ts";

const TO_WORKERS = [
  "worker-dies",
  "worker-signalled",
  "worker-overdue",
  "worker-late",
  "worker-leaves",
  "worker-busy",
  "worker-worn",
  "worker-grows",
  "worker-explodes",
] as const;

/** One thing that may happen in the world; numbers choose among what is there. */
type Happening =
  | { kind: "nursery" | "workers" | "hands" | "sleep" | "drain" | "kill-nursery" | "nursery-hangs" }
  | { kind: "gateway" | "kill-gateway"; which: number }
  | { kind: "signal"; name: (typeof MASTER_SIGNALS)[number] }
  | { kind: (typeof TO_WORKERS)[number]; which: number }
  | { kind: "boots"; result: BootResult }
  | { kind: "finds"; found: World["found"] }
  | { kind: "binds"; error: string | undefined }
  | { kind: "molds-hang" | "gateways-break"; so: boolean }
  | { kind: "configures"; result: World["configResult"] }
  /** `late`: the timer comes that much after it was due. */
  | { kind: "wait" | "late"; ms: number };

const ADDRESSES = [8000, 8001, 8002].map((port) => ({ kind: "tcp" as const, host: "127.0.0.1", port }));
/** What a reload may find in the settings. */
const foundPlan: fc.Arbitrary<Partial<Plan>> = fc.record({
  workers: fc.integer({ min: 1, max: 5 }),
  surge: fc.integer({ min: 0, max: 3 }),
  preload: fc.boolean(),
  direct: fc.boolean(),
  addresses: fc.subarray(ADDRESSES, { minLength: 1 }).map((addresses) => addresses.map((address, index) => ({ index, ...address }))),
});

const ordinary: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Happening[]>({ kind: "nursery" }, { kind: "workers" }, { kind: "sleep" }, { kind: "hands" }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gateway" as const), which: fc.nat(5) }) },
);
const fault: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom<Happening[]>({ kind: "kill-nursery" }, { kind: "nursery-hangs" }),
  fc.record({ kind: fc.constant("kill-gateway" as const), which: fc.nat(5) }),
  fc.record({
    kind: fc.constantFrom(...TO_WORKERS),
    which: fc.nat(9),
  }),
  fc.record({
    kind: fc.constant("boots" as const),
    result: fc.constantFrom<BootResult[]>("ok", "ok", "hangs", { code: 3 }, { code: 1 }, { signal: "SIGSEGV" }),
  }),
  fc.record({ kind: fc.constantFrom("molds-hang" as const, "gateways-break" as const), so: fc.boolean() }),
  fc.record({ kind: fc.constant("finds" as const), found: fc.oneof(fc.constant("broken" as const), foundPlan) }),
  fc.record({ kind: fc.constant("binds" as const), error: fc.constantFrom(undefined, "EADDRINUSE") }),
  fc.record({ kind: fc.constant("configures" as const), result: fc.constantFrom<World["configResult"][]>("ok", "failed", "dies") }),
  fc.record({ kind: fc.constantFrom("wait" as const, "late" as const), ms: fc.nat(3000) }),
);
const livelySignal = fc.record({
  kind: fc.constant("signal" as const),
  name: fc.constantFrom("hup" as const, "ttin" as const, "ttou" as const, "usr1" as const, "usr2" as const, "winch" as const),
});
const anySignal = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("signal" as const), name: fc.constantFrom(...MASTER_SIGNALS) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "drain" as const }) },
);

const lively = fc.array(
  fc.oneof({ weight: 12, arbitrary: ordinary }, { weight: 2, arbitrary: fault }, { weight: 1, arbitrary: livelySignal }),
  {
    maxLength: 400,
    size: "max",
  },
);
const deadly = fc.array(
  fc.oneof({ weight: 12, arbitrary: ordinary }, { weight: 2, arbitrary: fault }, { weight: 1, arbitrary: anySignal }),
  {
    maxLength: 200,
    size: "max",
  },
);
const plan = fc.record({
  workers: fc.integer({ min: 1, max: 5 }),
  gateways: fc.constantFrom(1, 1, 2, 3),
  surge: fc.integer({ min: 0, max: 3 }),
  preload: fc.boolean(),
  direct: fc.boolean(),
  warmImports: fc.boolean(),
  hasConfig: fc.boolean(),
  daemon: fc.boolean(),
  hooks: fc.constantFrom([], ["pre_exec" as const]),
  predecessor: fc.constantFrom(undefined, 7),
  timeoutMs: fc.constantFrom(0, 2000, 30_000),
  drainDelayMs: fc.constantFrom(0, 0, 3000),
  bootTimeoutMs: fc.constantFrom(0, 20_000),
  maxAgeMs: fc.constantFrom(0, 5000),
  maxAgeJitterMs: fc.constantFrom(0, 3000),
});

function happen(world: World, happening: Happening): void {
  switch (happening.kind) {
    case "nursery":
      world.nurseryWorks();
      break;
    case "gateway":
      world.gatewayWorks(happening.which);
      break;
    case "workers":
      world.workersWork();
      break;
    case "hands":
      world.handsWork();
      break;
    case "finds":
      world.found = happening.found;
      break;
    case "binds":
      world.bindError = happening.error;
      break;
    case "drain":
      world.feed({ type: "drain" });
      break;
    case "sleep":
      world.sleep();
      break;
    case "wait":
      world.sleep(happening.ms);
      break;
    case "late":
      world.sleep();
      world.nowMs += happening.ms;
      break;
    case "molds-hang":
      world.moldsHang = happening.so;
      break;
    case "gateways-break":
      world.gatewayBreaks = happening.so;
      break;
    case "configures":
      world.configResult = happening.result;
      break;
    case "kill-nursery":
      world.killNursery();
      break;
    case "nursery-hangs":
      world.feed({ type: "nursery-silent", silentMs: 120_000 });
      break;
    case "kill-gateway":
      world.killGateway(happening.which);
      break;
    case "signal":
      world.signal(happening.name);
      break;
    case "boots":
      world.bootResult = happening.result;
      break;
    default:
      happenToWorker(world, happening.kind, happening.which);
  }
  world.checkAccounts();
}

function happenToWorker(world: World, kind: (typeof TO_WORKERS)[number], which: number): void {
  const numbers = [...world.workers.keys()];
  const number = numbers[which % Math.max(1, numbers.length)];
  const worker = number === undefined ? undefined : world.workers.get(number);
  if (worker === undefined) return;
  if (kind === "worker-dies") world.workerDies(worker.number, { signal: "SIGKILL" });
  else if (kind === "worker-busy") worker.busy = true;
  else if (kind === "worker-signalled" && worker.nurseryPid === world.nurseryPid)
    world.said({ ev: "signalled", worker: worker.number, signal: "TERM" });
  else if (kind === "worker-worn" && worker.loaded && worker.nurseryPid === world.nurseryPid)
    world.said({ ev: "worn", worker: worker.number, requests: 10 });
  else if ((kind === "worker-grows" || kind === "worker-explodes") && worker.nurseryPid === world.nurseryPid)
    world.said({ ev: "memory", worker: worker.number, bytes: 2e9, limitBytes: 1e9, hard: kind === "worker-explodes" });
  else {
    const { index: gateway = 0, pid } = world.gateways[which % world.gateways.length] ?? {};
    if (pid === undefined || worker.linkedTo.get(gateway) !== pid) return;
    const request = { method: "GET", target: "/", id: 7, ageMs: 31_000 };
    if (kind === "worker-overdue") {
      world.feed({ type: "gateway-said", gateway, said: { ev: "overdue", worker: worker.number, silentMs: 31_000, request } });
    } else if (kind === "worker-late") {
      const limit = which % 2 === 0 ? ("soft" as const) : ("hard" as const);
      world.feed({ type: "gateway-said", gateway, said: { ev: "late", worker: worker.number, limit, first: true, request } });
    } else if (kind === "worker-leaves") {
      worker.leaving = true;
      world.feed({ type: "gateway-said", gateway, said: { ev: "worker-leaving", worker: worker.number } });
    }
  }
}

/** What goes wrong of itself does so no more. */
function heal(world: World): void {
  world.bootResult = "ok";
  world.configResult = "ok";
  world.moldsHang = false;
  world.gatewayBreaks = false;
  world.bindError = undefined;
  if (world.plan.timeoutMs === 0 || world.plan.bootTimeoutMs === 0) world.endHangs();
}

/**
 * TERM, and everybody obeys from now on. It ends in the time that a stop may take, of which the last two seconds are for what was killed.
 * Meanwhile the server is not ready, and it is never ready again.
 */
function stop(world: World): void {
  const beganMs = world.nowMs;
  const { drainDelayMs, gracefulTimeoutMs } = world.plan;
  world.signal("term");
  world.run(() => {
    assert.equal(readiness(world.state).ready, false);
    return false;
  });
  assert.ok(world.nowMs - beganMs <= drainDelayMs + gracefulTimeoutMs + 2000, `the stop took ${world.nowMs - beganMs} ms`);
}

/** How many of the mind's steps stories have taken so far. */
export const taken = { steps: 0 };

/** Whatever happens while it serves, the invariants hold, and quiet brings back the wanted workers; then a TERM ends it once. */
export const livelyStory = fc.property(plan, lively, (settings, happenings) => {
  const world = new World(settings);
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
  for (const happening of happenings) happen(world, happening);
  heal(world);
  world.run(() => world.isSettled());
  assert.ok(world.isSettled(), `not healed: ${JSON.stringify([...world.state.workers.values()])} target ${world.state.target}`);
  assert.equal(world.workers.size, world.state.target);
  world.checkPlan();
  stop(world);
  assert.equal(world.exitCode, 0);
  assert.equal(world.workers.size, 0);
  taken.steps += world.steps;
});

/** Whatever happens from the start on, signals to stop included, it ends exactly once and forks nothing after. */
export const deadlyStory = fc.property(plan, deadly, (settings, happenings) => {
  const world = new World(settings);
  for (const happening of happenings) happen(world, happening);
  stop(world);
  assert.notEqual(world.exitCode, undefined);
  assert.equal(world.commands.filter((command) => command.do === "exit").length, 1);
  assert.equal(world.commands.at(-1)?.do, "exit");
  taken.steps += world.steps;
});
