import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MASTER_SIGNALS } from "../../src/lifecycle/event.ts";
import { World } from "./world.ts";

/** One thing that may happen in the world; numbers choose among what is there. */
type Happening =
  | { kind: "nursery" | "gateway" | "workers" | "sleep" | "kill-nursery" | "kill-gateway" }
  | { kind: "signal"; name: (typeof MASTER_SIGNALS)[number] }
  | { kind: "worker-dies" | "worker-signalled" | "worker-overdue" | "worker-leaves"; which: number }
  | { kind: "boots"; result: "ok" | { code: number } | { signal: string } }
  | { kind: "wait"; ms: number };

const ordinary: fc.Arbitrary<Happening> = fc.constantFrom<Happening[]>(
  { kind: "nursery" },
  { kind: "gateway" },
  { kind: "workers" },
  { kind: "sleep" },
);
const fault: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom<Happening[]>({ kind: "kill-nursery" }, { kind: "kill-gateway" }),
  fc.record({
    kind: fc.constantFrom("worker-dies" as const, "worker-signalled" as const, "worker-overdue" as const, "worker-leaves" as const),
    which: fc.nat(9),
  }),
  fc.record({
    kind: fc.constant("boots" as const),
    result: fc.constantFrom("ok" as const, "ok" as const, { code: 3 }, { code: 1 }, { signal: "SIGSEGV" }),
  }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(3000) }),
);
const livelySignal = fc.record({
  kind: fc.constant("signal" as const),
  name: fc.constantFrom("hup" as const, "ttin" as const, "ttou" as const, "usr1" as const),
});
const anySignal = fc.record({ kind: fc.constant("signal" as const), name: fc.constantFrom(...MASTER_SIGNALS) });

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
  surge: fc.integer({ min: 1, max: 3 }),
  preload: fc.boolean(),
  warmImports: fc.boolean(),
  timeoutMs: fc.constantFrom(0, 2000, 30_000),
});

function happen(world: World, happening: Happening): void {
  switch (happening.kind) {
    case "nursery":
      world.nurseryWorks();
      break;
    case "gateway":
      world.gatewayWorks();
      break;
    case "workers":
      world.workersWork();
      break;
    case "sleep":
      world.sleep();
      break;
    case "wait":
      world.sleep(happening.ms);
      break;
    case "kill-nursery":
      world.killNursery();
      break;
    case "kill-gateway":
      world.killGateway();
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

function happenToWorker(world: World, kind: string, which: number): void {
  const numbers = [...world.workers.keys()];
  const number = numbers[which % Math.max(1, numbers.length)];
  const worker = number === undefined ? undefined : world.workers.get(number);
  if (worker === undefined) return;
  if (kind === "worker-dies") world.workerDies(worker.number, { signal: "SIGKILL" });
  else if (kind === "worker-signalled" && worker.nurseryPid === world.nurseryPid)
    world.said({ ev: "signalled", worker: worker.number, signal: "TERM" });
  else if (worker.linkedTo !== undefined && worker.linkedTo === world.gatewayPid) {
    if (kind === "worker-overdue") {
      const said = {
        ev: "overdue" as const,
        worker: worker.number,
        silentMs: 31_000,
        request: { method: "GET", target: "/", id: 7, ageMs: 31_000 },
      };
      world.feed({ type: "gateway-said", said });
    } else if (kind === "worker-leaves") {
      worker.leaving = true;
      world.feed({ type: "gateway-said", said: { ev: "worker-leaving", worker: worker.number } });
    }
  }
}

test("whatever happens while serving, the invariants hold, and quiet brings back the wanted workers; then a TERM ends it once", () => {
  fc.assert(
    fc.property(plan, lively, (settings, happenings) => {
      const world = new World(settings);
      world.run(() => world.isSettled());
      assert.ok(world.isSettled());
      for (const happening of happenings) happen(world, happening);
      world.bootResult = "ok";
      world.run(() => world.isSettled());
      assert.ok(world.isSettled(), `not healed: ${JSON.stringify([...world.state.workers.values()])} target ${world.state.target}`);
      assert.equal(world.workers.size, world.state.target);
      world.signal("term");
      world.run();
      assert.equal(world.exitCode, 0);
      assert.equal(world.workers.size, 0);
    }),
    { numRuns: 600 },
  );
});

test("whatever happens from the start on, signals to stop included, it ends exactly once and forks nothing after", () => {
  fc.assert(
    fc.property(plan, deadly, (settings, happenings) => {
      const world = new World(settings);
      for (const happening of happenings) happen(world, happening);
      world.signal("term");
      world.run();
      assert.notEqual(world.exitCode, undefined);
      assert.equal(world.commands.filter((command) => command.do === "exit").length, 1);
      assert.equal(world.commands.at(-1)?.do, "exit");
    }),
    { numRuns: 800 },
  );
});
