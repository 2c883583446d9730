import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";
import { type Held, holdRequest } from "./held-request.ts";
import { Client, get } from "./http-client.ts";

/** What is killed with -9, one after the other without a pause. `worker` is the one that has the request. */
const VICTIMS = [
  ["worker"],
  ["other worker"],
  ["worker", "other worker"],
  ["gateway"],
  ["nursery"],
  ["arbiter"],
  ["worker", "gateway"],
  ["gateway", "worker"],
  ["worker", "nursery"],
  ["nursery", "worker"],
  ["nursery", "gateway"],
  ["gateway", "nursery"],
  ["arbiter", "gateway"],
  ["arbiter", "nursery"],
  ["worker", "arbiter"],
] as const;

type Victim = (typeof VICTIMS)[number][number];

/** The processes of a server with two workers, by role. */
type Roles = Readonly<Record<Victim, number>>;

/** Waits until every role is filled, and, after a kill, filled by another process than before. */
async function rolesOf(server: Server, workerWithRequest?: number, killed: readonly number[] = []): Promise<Roles> {
  return await waitUntil("waiting for all processes", () => {
    const [nursery, gateway, workers] = [server.nursery(), server.gateway(), server.workers()];
    if (nursery === undefined || gateway === undefined || workers.length !== 2) return undefined;
    if ([nursery, gateway, ...workers].some((pid) => killed.includes(pid))) return undefined;
    const worker = workers.find((pid) => pid === workerWithRequest) ?? workers[0]!;
    const other = workers.find((pid) => pid !== worker)!;
    return { arbiter: server.pid, nursery, gateway, worker, "other worker": other };
  });
}

/** Kills in order; one may have left already, because the one before it was dead. @returns The pids. */
function killAll(roles: Roles, victims: readonly Victim[]): number[] {
  const pids = victims.map((victim) => roles[victim]);
  for (const pid of pids) killQuietly(pid);
  return pids;
}

/** After a kill: all roles are filled again, requests are answered, and the server can still be stopped without a trace. */
async function assertHealed(server: Server, killed: readonly number[]): Promise<void> {
  await rolesOf(server, undefined, killed);
  for (let n = 0; n < 10; n++) assert.equal((await server.exchange(get("/"))).body, "hello\n");
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
}

async function assertGone(server: Server): Promise<void> {
  await server.exit();
  await server.nothingLeft();
  await assert.rejects(Client.connect(server.address), { code: "ECONNREFUSED" });
}

const start = async (t: Scope): Promise<Server> => await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
const has = (victims: readonly Victim[], victim: Victim): boolean => victims.includes(victim);

for (const victims of VICTIMS) {
  const shown = victims.join(", then ");

  test(`kill -9 of ${shown} when idle`, async (t) => {
    const server = await start(t);
    const roles = await rolesOf(server);
    await server.exchange(get("/"));
    const killed = killAll(roles, victims);
    if (has(victims, "arbiter")) await assertGone(server);
    else await assertHealed(server, killed);
  });

  test(`kill -9 of ${shown} with a request in the application`, async (t) => {
    const server = await start(t);
    const held = await holdRequest(t, server);
    const killed = killAll(await rolesOf(server, held.worker), victims);
    if (has(victims, "arbiter")) {
      held.release();
      await assertGone(server);
      return;
    }
    if (!has(victims, "worker")) held.release();
    const answer = await held.answer;
    // The gateway may have seen the worker's end, and said so, in the moment before its own.
    const said502 = has(victims, "worker") && !(answer instanceof Error) && answer.status === 502;
    if (has(victims, "gateway")) assert.ok(answer instanceof Error || said502, "its connection died with the gateway");
    else if (answer instanceof Error) throw answer;
    else assert.equal(answer.status, has(victims, "worker") ? 502 : 200);
    held.release();
    await assertHealed(server, killed);
  });

  test(`kill -9 of ${shown} in the middle of a response`, async (t) => {
    const server = await start(t);
    const gate = join(temporaryFolder(t), "gate");
    const client = await server.connect();
    t.after(() => client.close());
    client.send(get("/pid"));
    await client.readResponse();
    const streaming = await server.connect();
    t.after(() => streaming.close());
    streaming.send(get(`/gated?gate=${gate}`));
    await streaming.waitFor("before");
    const busy = await busyWorker(server);
    const killed = killAll(await rolesOf(server, busy), victims);
    if (!has(victims, "worker")) writeFileSync(gate, "");
    const response = await streaming.readResponse();
    const cut = has(victims, "worker") || has(victims, "gateway");
    if (!has(victims, "arbiter")) assert.deepEqual([response.body, response.complete], cut ? ["before", false] : ["beforeafter", true]);
    writeFileSync(gate, "");
    if (has(victims, "arbiter")) await assertGone(server);
    else await assertHealed(server, killed);
  });

  test(`kill -9 of ${shown} while a worker is being forked`, async (t) => {
    const server = await start(t);
    const roles = await rolesOf(server);
    const seen = server.lines.length;
    process.kill(roles["other worker"], "SIGKILL");
    const rest = victims.filter((victim) => victim !== "other worker");
    const killed = [roles["other worker"], ...killAll(roles, rest)];
    if (has(victims, "arbiter")) return await assertGone(server);
    await server.waitForLine(/Booting worker/, seen);
    await assertHealed(server, killed);
  });

  test(`kill -9 of ${shown} while stopping`, async (t) => {
    const server = await start(t);
    const held = await holdRequest(t, server);
    const roles = await rolesOf(server, held.worker);
    server.signal("SIGTERM");
    await server.waitForLine(/Handling signal: term/);
    for (const victim of victims) {
      // The other worker may have left by itself, and its number may be anyone's by now.
      if (victim !== "other worker") killQuietly(roles[victim]);
    }
    held.release();
    await assertGone(server);
  });
}

/** The worker that answers nothing else: the other one has answered twenty requests meanwhile. */
async function busyWorker(server: Server): Promise<number> {
  const free = new Set<number>();
  for (let n = 0; n < 20; n++) free.add(Number((await server.exchange(get("/pid"))).body));
  assert.equal(free.size, 1, "one worker is held");
  const busy = server.workers().find((pid) => !free.has(pid));
  return busy ?? assert.fail("no worker is busy");
}

test("a worker that dies again and again is forked again and again, and the others serve", async (t) => {
  const server = await start(t);
  for (let round = 0; round < 5; round++) {
    const roles = await rolesOf(server);
    process.kill(roles.worker, "SIGKILL");
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    await rolesOf(server, undefined, [roles.worker]);
  }
  const told = () => server.countLines(/\[ERROR\] Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?$/);
  await waitUntil("waiting for the log", () => told() >= 5);
  assert.equal(told(), 5);
});

// The kernel wakes one of the workers that wait for a ticket. If that one never reads it, the others sleep on: here the
// woken one is stopped, so that it cannot read, and then dies or leaves. Each worker is tried, for the kernel chooses.
for (const end of ["SIGKILL", "SIGTERM"] as const) {
  for (const index of [0, 1]) {
    test(`a worker that is woken for a request and ends by ${end} instead takes no wake-up with it (worker ${index + 1})`, async (t) => {
      const server = await start(t);
      await rolesOf(server);
      const worker = server.workers()[index] ?? assert.fail("no such worker");
      const client = await server.connect();
      t.after(() => client.close());
      process.kill(worker, "SIGSTOP");
      await waitUntil("waiting for the worker to be stopped", () => server.processes().find(({ pid }) => pid === worker)?.state === "T");
      client.send(get("/"));
      // The gateway refuses this one by itself, after it has written the ticket of the one before.
      assert.equal((await server.exchange("bad\r\n\r\n")).status, 400);
      process.kill(worker, end);
      if (end === "SIGTERM") process.kill(worker, "SIGCONT");
      assert.equal((await client.readResponse()).body, "hello\n");
    });
  }
}

test("kill -9 before the start is complete leaves nothing behind", async (t) => {
  const server = Server.spawn(t, "tunicorn", { args: ["cases", "-w", "2"] });
  await waitUntil("waiting for the nursery", () => server.nursery());
  server.signal("SIGKILL");
  await server.exit();
  await server.nothingLeft();
});

/** Threads of each of two workers. */
const THREADS = 3;

test("kill -9 of a worker with several requests in its threads", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "--threads", `${THREADS}`] });
  await rolesOf(server);
  const held: Held[] = [];
  for (let n = 0; n < 2 * THREADS; n++) held.push(await holdRequest(t, server));
  // All threads are busy: these are in no worker's hands.
  const waiting = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = await server.connect();
      t.after(() => client.close());
      client.send(get("/pid"));
      return client;
    }),
  );
  const [{ worker } = assert.fail()] = held;
  const [dead, alive] = [held.filter((one) => one.worker === worker), held.filter((one) => one.worker !== worker)];
  assert.deepEqual([dead.length, alive.length], [THREADS, THREADS]);
  process.kill(worker, "SIGKILL");
  for (const { answer } of dead) {
    const response = await answer;
    assert.equal(response instanceof Error ? response : response.status, 502);
  }
  for (const client of waiting) assert.equal((await client.readResponse()).status, 200);
  for (const one of alive) {
    one.release();
    const response = await one.answer;
    assert.equal(response instanceof Error ? response : response.status, 200);
  }
  for (const { release } of dead) release();
  await waitUntil("waiting for the log", () => server.countLines(/request lost with its worker/) === THREADS);
  await server.waitForLine(/was sent SIGKILL! Perhaps out of memory\?$/);
  await assertHealed(server, [worker]);
});

for (const victim of ["gateway", "nursery"] as const) {
  test(`kill -9 of the ${victim} with requests in threads: every thread serves again`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "--threads", `${THREADS}`] });
    const held = [await holdRequest(t, server), await holdRequest(t, server)];
    const killed = killAll(await rolesOf(server), [victim]);
    await rolesOf(server, undefined, killed);
    for (const { release } of held) release();
    const answers = await Promise.all(held.map(({ answer }) => answer));
    if (victim === "nursery") assert.ok(answers.every((answer) => !(answer instanceof Error) && answer.status === 200));
    await assertHealed(server, killed);
  });
}
