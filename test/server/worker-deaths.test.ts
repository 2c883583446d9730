/** Workers that die with requests: what was not begun another one has, what was begun gets 502 or one more try; and the log says why. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { APPS, Server, temporaryFolder } from "./harness.ts";
import { exchange, get, post } from "./http-client.ts";

const CLASSES = [
  { name: "sync", args: ["faults:app", "-w", "2"] },
  { name: "gthread", args: ["faults:app", "-w", "2", "--threads", "3"] },
  { name: "asgi", args: ["faults:asgi", "-k", "asgi", "-w", "2"] },
] as const;

/** Two workers that take requests, and none of those that have died. */
async function twoWorkers(server: Server): Promise<void> {
  await waitUntil("waiting for two workers", () => server.workers().length === 2);
}

test("the log says why a worker ended, beside Gunicorn's line", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "-w", "2"] });
  const note = join(temporaryFolder(t), "note");
  assert.equal((await server.exchange(get(`/die?note=${note}&signal=SIGSEGV`))).status, 502);
  await server.waitForLine(/\[WARNING\] Worker \(pid:\d+\) was sent SIGSEGV!$/);
  await server.waitForLine(/\[ERROR\] worker ended worker=\d+ pid=\d+ signal=SIGSEGV cause=crashed$/);
  await server.waitForLine(/\[ERROR\] request lost with its worker worker=\d+ pid=\d+ method=GET target=\/die\?note=/);
  assert.equal((await server.exchange(get(`/die?note=${note}&signal=SIGKILL`))).status, 502);
  await server.waitForLine(/\[ERROR\] Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?$/);
  // Where the kernel does not count for this group of processes, nobody can tell the one from the other.
  await server.waitForLine(/\[ERROR\] worker ended worker=\d+ pid=\d+ signal=SIGKILL cause=(out-of-memory-or-)?killed-from-outside$/);
});

/** How often a request's application was called. */
function calls(note: string): number {
  return existsSync(note) ? readFileSync(note, "latin1").split("\n").length - 1 : 0;
}

for (const { name, args } of CLASSES) {
  test(`${name}: retry_safe_requests tries a safe request once more, and one that has killed two workers no more`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: [...args, "--retry-safe-requests"] });
    const folder = temporaryFolder(t);
    for (const { request, status, called } of [
      { request: (note: string) => get(`/die?note=${note}&times=1`), status: 200, called: 2 },
      { request: (note: string) => get(`/die?note=${note}`), status: 502, called: 2 },
      { request: (note: string) => post(`/die?note=${note}&times=1`, ""), status: 502, called: 1 },
    ]) {
      const note = join(folder, `note${readdirSync(folder).length}`);
      await twoWorkers(server);
      assert.deepEqual([(await server.exchange(request(note))).status, calls(note)], [status, called], server.output());
    }
    assert.equal(server.countLines(/\[WARNING\] request tried again after its worker died method=GET target=\/die/), 2);
  });

  test(`${name}: without the setting nothing that was begun is tried again`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args });
    const note = join(temporaryFolder(t), "note");
    assert.deepEqual([(await server.exchange(get(`/die?note=${note}&times=1`))).status, calls(note)], [502, 1]);
  });
}

/** Where a worker dies that takes a request, and whether somebody else may have it then. */
const STEPS = [
  { step: "look", again: true },
  { step: "claim", again: true },
  { step: "look again", again: false },
  { step: "start", again: false },
];

for (const { name, args } of CLASSES.filter(({ name: each }) => each !== "asgi")) {
  for (const retries of [false, true]) {
    test(`${name}: a worker dies at each step of its claim${retries ? ", with retry_safe_requests" : ""}`, async (t) => {
      const folder = temporaryFolder(t);
      const order = join(folder, "order");
      const options = ["-c", join(APPS, "kill_at_step.conf.py"), ...(retries ? ["--retry-safe-requests"] : [])];
      const server = await Server.start(t, "tunicorn", { args: [...args, ...options], env: { KILL_ORDER: order } });
      assert.equal((await server.exchange(get("/"))).status, 200);
      for (const { step, again } of STEPS) {
        await twoWorkers(server);
        const note = join(folder, step.replace(" ", "-"));
        writeFileSync(order, step);
        const { status } = await server.exchange(get(`/?note=${note}`));
        assert.equal(existsSync(order), false, "a worker has died");
        const isServed = again || retries;
        assert.deepEqual([step, status, calls(note)], [step, isServed ? 200 : 502, isServed ? 1 : 0]);
      }
    });
  }
}

const KILLS = 6;
const CLIENTS = 6;

/** Asks again and again, each time with a note of its own, until told to end. @returns The status of each answer by its note; 0: cut. */
async function load(server: Server, folder: string, isOver: () => boolean): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  let asked = 0;
  const client = async (): Promise<void> => {
    while (!isOver()) {
      const note = join(folder, `${asked++}`);
      const answer = await exchange(server.address, get(`/brief?note=${note}`)).catch(() => undefined);
      statuses.set(note, answer?.complete === true ? answer.status : 0);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return statuses;
}

for (const { name, args } of CLASSES) {
  test(`${name}: kill -9 again and again under load: no request is begun twice, and only begun ones fail`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args });
    let over = false;
    const loaded = load(server, temporaryFolder(t), () => over);
    for (let kill = 0; kill < KILLS; kill++) {
      await twoWorkers(server);
      const killed = server.workers()[kill % 2]!;
      const from = server.lines.length;
      killQuietly(killed);
      await server.waitForLine(new RegExp(`Worker \\(pid:${killed}\\) was sent SIGKILL!`), from);
      await server.waitForLine(/Booting worker with pid/, from);
    }
    over = true;
    const statuses = await loaded;
    const served = [...statuses.values()].filter((status) => status === 200).length;
    t.diagnostic(`${served} of ${statuses.size} served, ${KILLS} workers killed`);
    assert.ok(served > statuses.size / 2);
    for (const [note, status] of statuses) {
      if (status === 200) assert.equal(calls(note), 1);
      else assert.deepEqual([status, calls(note) <= 1], [502, true]);
    }
  });
}
