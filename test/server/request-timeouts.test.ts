/** What becomes of requests that take too long, and of the worker that has them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server } from "./harness.ts";
import { get } from "./http-client.ts";

const CLASSES = [
  { name: "sync", args: ["faults:app"], where: "in hang$" },
  { name: "gthread", args: ["faults:app", "--threads", "3"], where: "in hang$" },
  { name: "asgi", args: ["faults:asgi", "-k", "asgi"], where: "in asgi$" },
  { name: "gevent", args: ["faults:app", "-k", "gevent"], where: "in hang$" },
  { name: "eventlet", args: ["faults:app", "-k", "eventlet"], where: "in hang$" },
] as const;

/** Does something for every class at once: each waits for seconds. */
async function forEachClass(what: (one: (typeof CLASSES)[number]) => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(
    CLASSES.map((one) =>
      what(one).catch((error: unknown) => {
        throw new Error(`${one.name}: ${String(error)}`, { cause: error });
      }),
    ),
  );
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

test("at request_timeout a request is interrupted and answered 504, and its worker serves on", async (t) => {
  await forEachClass(async ({ args, where }) => {
    const server = await Server.start(t, "tunicorn", { args: [...args, "--request-timeout", "1"] });
    const { body: pid } = await server.exchange(get("/"));
    const { status } = await server.exchange(get("/hang?a=b"));
    assert.equal(status, 504);
    const detail = `worker=1 pid=${pid.trim()} method=GET target=/hang\\?a=b id=\\d+ age_s=\\d`;
    await server.waitForLine(new RegExp(`\\[ERROR\\] request over its time limit, interrupting it ${detail}`));
    await server.waitForLine(/\[ERROR\] Request timed out/);
    await server.waitForLine(new RegExp(where));
    // A response that has begun cannot be answered otherwise: it is cut.
    const stalled = await server.exchange(get("/stall"));
    assert.deepEqual([stalled.status, stalled.complete], [200, false]);
    assert.equal((await server.exchange(get("/"))).body, pid, "the same worker");
    assert.equal(server.countLines(/CRITICAL|Booting worker/), 1, server.output());
  });
});

test("sync: a wait in C is interrupted as well", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "--request-timeout", "1"] });
  assert.equal((await server.exchange(get("/sleep"))).status, 504);
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("gthread: the other threads' requests are not touched", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "--threads", "2", "--request-timeout", "1"] });
  const late = server.exchange(get("/hang"));
  let others = 0;
  await waitUntil("waiting for the late one", async () => {
    assert.equal((await server.exchange(get("/"))).status, 200);
    others++;
    return server.countLines(/Request timed out/) > 0;
  });
  assert.equal((await late).status, 504);
  assert.ok(others > 0);
});

test("at request_timeout_hard 504 at once, the stacks in the log, another worker", async (t) => {
  await forEachClass(async ({ name, args }) => {
    const server = await Server.start(t, "tunicorn", { args: [...args, "--request-timeout", "1", "--request-timeout-hard", "3"] });
    const { body: pid } = await server.exchange(get("/"));
    assert.equal((await server.exchange(get("/stubborn"))).status, 504);
    const detail = `worker=1 pid=${pid.trim()} method=GET target=/stubborn id=\\d+ age_s=\\d+\\.\\d`;
    await server.waitForLine(new RegExp(`\\[CRITICAL\\] request over its hard time limit, killing its worker ${detail}$`));
    await server.waitForLine(new RegExp(`stacks of all threads at SIGABRT pid=${pid.trim()}$`));
    await server.waitForLine(/in be_stubborn$/);
    if (name === "asgi") await server.waitForLine(/stacks of all tasks at SIGABRT/);
    else await server.waitForLine(/not impressed by RequestTimeout/);
    await waitUntil("waiting for its end", () => !server.workers().includes(Number(pid)));
    const next = await server.exchange(get("/"));
    assert.equal(next.status, 200);
    assert.notEqual(next.body, pid);
    assert.equal(server.countLines(/WORKER TIMEOUT|cause=/), 0, server.output());
  });
});

for (const kind of KINDS) {
  test(`${kind}: timeout of a sync worker in Python code: Gunicorn's lines, 500, another worker`, async (t) => {
    const server = await Server.start(t, kind, { args: ["faults:app", "--timeout", "1"] });
    const { body } = await server.exchange(get("/"));
    const pid = body.trim();
    assert.equal((await server.exchange(get("/hang"))).status, 500);
    await server.waitForLine(new RegExp(`\\[CRITICAL\\] WORKER TIMEOUT \\(pid:${pid}\\)$`));
    await server.waitForLine(new RegExp(`\\[${pid}\\] \\[ERROR\\] Error handling request GET /hang$`));
    await server.waitForLine(new RegExp(`\\[${pid}\\] \\[INFO\\] Worker exiting \\(pid: ${pid}\\)$`));
    await waitUntil("waiting for another worker", async () => (await server.exchange(get("/"))).body.trim() !== pid);
  });
}

test("boot_timeout ends an import that hangs, whatever timeout says", async (t) => {
  const server = Server.spawn(t, "tunicorn", { args: ["hangs_at_import:app", "--boot-timeout", "1"] });
  const [, pid] = await server.waitForLine(/Booting worker with pid: (\d+)/);
  await server.waitForLine(new RegExp(`\\[CRITICAL\\] worker timed out worker=1 pid=${pid} booting_s=\\d+\\.\\d$`));
  await waitUntil("waiting for the next one", () => server.countLines(/Booting worker with pid/) >= 2);
});
