import assert from "node:assert/strict";
import { test } from "node:test";
import { nextWakeMs } from "../../src/lifecycle/deadlines.ts";
import type { RequestInfo } from "../../src/lifecycle/messages.ts";
import { World } from "./world.ts";

const REQUEST: RequestInfo = { method: "GET", target: "/slow", id: 7, ageMs: 31_000 };

function settled(plan: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(plan);
  world.run(() => world.isSettled());
  return world;
}

for (const [code, reason] of [
  [3, "Worker failed to boot."],
  [4, "App failed to load."],
] as const) {
  test(`before any worker was ready, exit code ${code} ends the server with it`, () => {
    const world = new World({ workers: 1 });
    world.bootResult = { code };
    world.run();
    assert.equal(world.exitCode, code);
    assert.deepEqual(world.lines.slice(-3), [
      `error: Worker (pid:1002) exited with code ${code}.`,
      "error: Shutting down: Master",
      `error: Reason: ${reason}`,
    ]);
  });
}

test("a worker that cannot boot later is tried again with a growing wait, one line each; the others serve", () => {
  const world = settled({ workers: 2 });
  world.bootResult = { code: 3 };
  world.nowMs += 60_000;
  world.workerDies(1, { signal: "SIGSEGV" });
  world.run(() => world.state.workerBackOff.failures === 4);
  const waits = world.lines.flatMap((line) => /trying again .*wait_s=(\S+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(waits, ["0.1", "0.2", "0.4", "0.8"]);
  assert.equal(world.state.workers.get(2)?.state.at, "ready");
});

test("a crash loop after the start waits as well", () => {
  const world = settled({ workers: 1 });
  world.workerDies(1, { signal: "SIGSEGV" });
  assert.equal(world.workers.size, 0);
  assert.equal(world.state.workerBackOff.failures, 1);
  world.run(() => world.isSettled());
  assert.equal(world.nowMs, 100);
});

test("a broken new generation is withdrawn, and the old one keeps serving", () => {
  const world = settled({ workers: 2 });
  world.bootResult = { code: 3 };
  world.signal("hup");
  world.run(() => world.isSettled(), 50);
  assert.ok(world.lines.includes("error: reload withdrawn, the old workers keep serving gen=1 serving=0"));
  assert.deepEqual([...world.state.workers.keys()], [1, 2]);
  world.bootResult = "ok";
  world.signal("hup");
  world.run(() => world.isSettled());
  assert.deepEqual(
    [...world.state.workers.values()].map(({ generation }) => generation),
    [2, 2],
  );
});

test("a new generation whose worker is killed by somebody is tried again before it is withdrawn", () => {
  const world = settled({ workers: 1 });
  world.bootResult = { signal: "SIGKILL" };
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("withdrawn")));
  assert.equal(world.lines.filter((line) => line.includes("Perhaps out of memory?")).length, 3);
});

test("the newest HUP wins: what boots for an older one is dismissed", () => {
  const world = settled({ workers: 1 });
  world.signal("hup");
  world.handsWork();
  world.nurseryWorks();
  world.signal("hup");
  world.handsWork();
  assert.equal(world.state.workers.get(2)?.state.at, "stopping");
  world.run(() => world.isSettled());
  assert.deepEqual(
    [...world.state.workers.values()].map(({ generation }) => generation),
    [2],
  );
});

test("an overdue request: Gunicorn's line, ours with the request, SIGABRT, then SIGKILL", () => {
  const world = settled({ workers: 1 });
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "overdue", worker: 1, silentMs: 31_000, request: REQUEST } });
  const pid = world.workers.get(1)?.pid;
  const critical = world.lines.filter((line) => line.startsWith("critical"));
  assert.deepEqual(critical, [
    `critical: WORKER TIMEOUT (pid:${pid})`,
    `critical: worker timed out worker=1 pid=${pid} silent_s=31.0 method=GET target=/slow id=7 age_s=31.0`,
  ]);
  world.sleep();
  const told = world.commands.flatMap((command) =>
    command.do === "tell-nursery" && "worker" in command.message && command.message.worker === 1 ? [command.message.cmd] : [],
  );
  assert.deepEqual(told, ["fork", "abort", "kill"]);
  assert.equal(world.nowMs, 1000);
});

test("a worker that does not boot within ten times the timeout is treated the same", () => {
  const world = new World({ workers: 1, timeoutMs: 2000 });
  while (world.workers.size === 0) world.nurseryWorks();
  world.sleep();
  assert.equal(world.nowMs, 20_000);
  assert.ok(world.lines.includes(`critical: WORKER TIMEOUT (pid:${world.workers.get(1)?.pid})`));
});

test("a TERM to one worker: it is replaced first, 100 ms later, when the master got none", () => {
  const world = settled({ workers: 1 });
  world.said({ ev: "signalled", worker: 1, signal: "TERM" });
  assert.equal(world.state.workers.get(1)?.doomed, false);
  world.sleep();
  assert.equal(world.nowMs, 100);
  world.run(() => world.isSettled());
  assert.deepEqual([...world.state.workers.keys()], [2]);
});

for (const signal of ["INT", "QUIT", "HUP", "USR2"] as const) {
  test(`${signal} to one worker has it replaced; to the whole group it is the master's affair`, () => {
    const alone = settled({ workers: 1 });
    alone.said({ ev: "signalled", worker: 1, signal });
    alone.sleep();
    assert.ok(alone.lines.some((line) => line.endsWith(`signal=${signal}`)));
    const group = settled({ workers: 1 });
    group.said({ ev: "signalled", worker: 1, signal });
    group.signal(signal.toLowerCase() as "hup");
    group.run(() => group.nowMs > 1000 || group.exitCode !== undefined);
    assert.ok(!group.lines.some((line) => line.includes("replacing it")));
  });
}

for (const signal of ["USR1", "WINCH"]) {
  test(`${signal} to one worker has no consequence for it`, () => {
    const world = settled({ workers: 1 });
    world.said({ ev: "signalled", worker: 1, signal });
    assert.equal(world.state.workers.get(1)?.signalledDueMs, undefined);
  });
}

test("a TERM to the whole group is the master's affair alone", () => {
  const world = settled({ workers: 1 });
  world.said({ ev: "signalled", worker: 1, signal: "TERM" });
  world.signal("term");
  world.run();
  assert.equal(world.exitCode, 0);
  assert.ok(!world.lines.some((line) => line.includes("replacing it")));
});

test("a lost worker's request is named, and a worker that is not reaped then is killed", () => {
  const world = settled({ workers: 1 });
  const pid = world.workers.get(1)?.pid ?? assert.fail();
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "worker-lost", worker: 1, pid, requests: [REQUEST], more: 0 } });
  assert.ok(world.lines.includes(`error: request lost with its worker worker=1 pid=${pid} method=GET target=/slow id=7 age_s=31.0`));
  world.sleep();
  assert.equal(world.state.workers.get(1)?.state.at, "killed");
});

test("requests of a worker that has been reaped already are named, too", () => {
  const world = settled({ workers: 1 });
  world.feed({
    type: "gateway-said",
    gateway: 0,
    said: { ev: "worker-lost", worker: 99, pid: 4211, requests: [REQUEST, { ...REQUEST, id: 8 }], more: 3 },
  });
  for (const id of [7, 8])
    assert.ok(world.lines.includes(`error: request lost with its worker worker=99 pid=4211 method=GET target=/slow id=${id} age_s=31.0`));
  assert.ok(world.lines.includes("error: more requests lost with their worker worker=99 pid=4211 count=3"));
});

test("a worker that leaves by itself is replaced", () => {
  const world = settled({ workers: 1 });
  world.feed({ type: "gateway-said", gateway: 0, said: { ev: "worker-leaving", worker: 1 } });
  assert.equal(world.state.workers.get(1)?.state.at, "stopping");
  assert.equal(world.state.workers.get(2)?.state.at, "booting");
});

test("a mold that cannot import ends the start with 1; later it withdraws the generation", () => {
  const world = new World({ workers: 2, preload: true });
  world.run(() => world.state.phase.at === "serving");
  world.said({ ev: "mold-failed", generation: 0, status: { code: 3 } });
  world.run();
  assert.equal(world.exitCode, 1);

  const later = settled({ workers: 2, preload: true });
  later.signal("hup");
  later.handsWork();
  later.said({ ev: "mold-failed", generation: 1, status: { code: 3 } });
  later.said({ ev: "exited", worker: 3, pid: 0, status: null });
  assert.equal(later.state.generation, 0);
  assert.ok(later.isSettled());
});

test("a mold that hangs is given up after ten times the timeout, its workers all at once; the start is tried again", () => {
  const world = new World({ workers: 2, preload: true, timeoutMs: 3000 });
  world.moldsHang = true;
  world.run(() => world.lines.some((line) => line.includes("did not boot")));
  assert.equal(world.nowMs, 30_000);
  assert.deepEqual(world.lines.filter((line) => !line.startsWith("debug")).slice(-2), [
    "critical: the preloaded application is not imported in time, killing its mold gen=0 waited_s=30.0",
    "warning: worker did not boot, trying again worker=1 gen=0 signal=SIGKILL wait_s=0.1",
  ]);
  assert.equal(world.state.workers.size, 0);
  world.moldsHang = false;
  world.run(() => world.isSettled());
  assert.ok(world.isSettled());
});

test("a mold that hangs after a reload withdraws it", () => {
  const world = settled({ workers: 1, preload: true, timeoutMs: 3000 });
  world.moldsHang = true;
  world.signal("hup");
  world.run(() => world.lines.some((line) => line.includes("withdrawn")));
  assert.equal(world.nowMs, 30_000);
  assert.ok(world.lines.some((line) => line.startsWith("error: reload withdrawn")));
  assert.ok(world.isSettled());
});

test("without a timeout a mold may import for ever", () => {
  const world = new World({ workers: 1, preload: true, timeoutMs: 0 });
  world.moldsHang = true;
  world.run(() => world.state.gateways[0]?.life.at === "up");
  world.sleep(3_600_000);
  assert.equal(nextWakeMs(world.state, world.nowMs), undefined);
  assert.equal(world.state.workers.size, 1);
});

test("a fork that failed is tried again after a wait", () => {
  const world = settled({ workers: 1 });
  world.signal("ttin");
  world.said({ ev: "failed", cmd: "fork", text: "[Errno 11] Resource temporarily unavailable", worker: 2 });
  assert.deepEqual([...world.state.workers.keys()], [1]);
  world.sleep();
  assert.deepEqual([...world.state.workers.keys()], [1, 3]);
});

test("a direct worker counts as ready without a gateway, and one that leaves by itself is replaced at once", () => {
  const world = settled({ workers: 1, direct: true });
  assert.equal(world.gatewayPid, undefined);
  for (let worker = 1; worker <= 20; worker += 1) {
    world.workerDies(worker, { code: 0 });
    world.run(() => world.isSettled());
  }
  assert.equal(world.nowMs, 0);
  assert.equal(world.state.workerBackOff.failures, 0);
  world.workerDies(21, { code: 255 });
  assert.equal(world.state.workerBackOff.failures, 1);
});

test("a direct worker whose heartbeat has stopped is aborted and then killed; one that was told to leave is not", () => {
  const world = settled({ workers: 2, direct: true });
  world.said({ ev: "overdue", worker: 1, silentMs: 31_000 });
  assert.deepEqual(world.lines.slice(-2), [
    "critical: WORKER TIMEOUT (pid:1001)",
    "critical: worker timed out worker=1 pid=1001 silent_s=31.0",
  ]);
  assert.equal(world.state.workers.get(1)?.state.at, "aborted");
  const told = world.state.workers.get(2);
  assert.ok(told);
  told.state = { at: "stopping", killAtMs: world.nowMs + 30_000 };
  world.said({ ev: "overdue", worker: 2, silentMs: 31_000 });
  world.said({ ev: "overdue", worker: 99, silentMs: 31_000 });
  assert.equal(told.state.at, "stopping");
  assert.equal(world.lines.filter((line) => line.includes("TIMEOUT")).length, 1);
});

test("a worker that is dismissed before it has its handlers ends by our SIGQUIT, of which nothing is said", () => {
  const world = new World({ workers: 2, warmImports: false });
  world.bootResult = "hangs";
  world.run(() => world.state.workers.get(2)?.pid !== undefined);
  world.signal("ttou");
  const [dismissed] = [...world.state.workers.values()].filter(({ state }) => state.at === "stopping");
  assert.ok(dismissed);
  const from = world.lines.length;
  world.workerDies(dismissed.number, { signal: "SIGQUIT" });
  assert.ok(!world.lines.slice(from).some((line) => line.includes("SIGQUIT")), world.lines.slice(from).join("\n"));
});
