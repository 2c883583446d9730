/** Workers that have done their time are replaced, and no request is lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server } from "./harness.ts";
import { type Client, get } from "./http-client.ts";

/** How each class is asked for. */
const CLASSES = [
  { name: "sync", args: ["faults:app"] },
  { name: "gthread", args: ["faults:app", "--threads", "2"] },
  { name: "asgi", args: ["faults:asgi", "-k", "asgi"] },
  { name: "gevent", args: ["faults:app", "-k", "gevent"] },
] as const;

const WORN = /\[(\d+)\] \[INFO\] Autorestarting worker after current request\.$/;

for (const { name, args } of CLASSES) {
  for (const kind of KINDS) {
    test(`${kind}, ${name}: max_requests, its line once for each worker, and the next worker`, async (t) => {
      const server = await Server.start(t, kind, { args: [...args, "--max-requests", "3"] });
      const [, first] = await server.waitForLine(/Booting worker with pid: (\d+)/);
      for (let count = 0; count < 3; count++) assert.equal((await server.exchange(get("/"))).body, `${first}\n`);
      const [, worn] = await server.waitForLine(WORN);
      assert.equal(worn, first);
      // From some moment on another one answers; it may be worn by then as well.
      await waitUntil("waiting for another worker", async () => (await server.exchange(get("/"))).body !== `${first}\n`);
      await waitUntil("waiting for the end of the first", () => !server.workers().includes(Number(first)));
      // Gunicorn's asgi worker goes on for up to a second, and says so at each request.
      if (kind === "tunicorn") assert.equal(server.countLines(new RegExp(`\\[${first}\\] \\[INFO\\] Autorestarting`)), 1);
    });
  }
}

/** One request on a connection that is kept; never tried again. */
async function ask(client: Client): Promise<void> {
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const { status, complete } = await client.readResponse();
  assert.deepEqual([status, complete], [200, true]);
}

const CLIENTS = 6;
const REPLACED = 8;

for (const { name, args } of CLASSES) {
  test(`tunicorn, ${name}: max_requests 10 under load loses no request`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: [...args, "-w", "2", "--max-requests", "10", "--max-requests-jitter", "5"] });
    let answered = 0;
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      const kept = await server.connect();
      t.after(() => kept.close());
      while (server.countLines(WORN) < REPLACED) {
        if (index % 2 === 0) await ask(kept);
        else assert.equal((await server.exchange(get("/"))).status, 200);
        answered++;
      }
    });
    await Promise.all(clients);
    t.diagnostic(`${answered} answers, ${server.countLines(WORN)} workers worn`);
    await waitUntil("waiting for two workers", () => server.workers().length === 2);
    assert.equal(server.countLines(/\[(ERROR|CRITICAL)\]/), 0, server.output());
  });
}

test("tunicorn: max_worker_age", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "-w", "2", "--max-worker-age", "1"] });
  const [, , pid] = await server.waitForLine(/\[INFO\] worker has done its time, replacing it worker=(\d+) pid=(\d+) age_s=\d+\.\d$/);
  await waitUntil("waiting for its end", () => !server.workers().includes(Number(pid)));
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("tunicorn: max_worker_memory replaces a worker when it has answered", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "--max-worker-memory", "150"] });
  const grown = await server.exchange(get("/grow?mib=200"));
  assert.equal(grown.status, 200);
  const pid = grown.body.trim();
  await server.waitForLine(
    new RegExp(`\\[INFO\\] worker has done its time, replacing it worker=1 pid=${pid} memory_mib=[12]\\d\\d\\.\\d limit_mib=150\\.0$`),
  );
  await waitUntil("waiting for its end", () => !server.workers().includes(Number(pid)));
  const next = await server.exchange(get("/"));
  assert.equal(next.status, 200);
  assert.notEqual(next.body.trim(), pid);
});

test("tunicorn: max_worker_memory_hard kills a worker at once", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["faults:app", "--max-worker-memory-hard", "150"] });
  assert.equal((await server.exchange(get("/grow?mib=200&stay=1"))).status, 502);
  const said = /\[CRITICAL\] worker over its hard memory limit, killing it worker=1 pid=(\d+) memory_mib=[12]\d\d\.\d limit_mib=150\.0$/;
  const [, pid] = await server.waitForLine(said);
  await server.waitForLine(/\[ERROR\] request lost with its worker worker=1 .*method=GET target=\/grow\?mib=200&stay=1 /);
  await server.waitForLine(new RegExp(`Worker \\(pid:${pid}\\) was sent SIGKILL! Perhaps out of memory\\?`));
  assert.equal((await server.exchange(get("/"))).status, 200);
  assert.equal(server.countLines(/cause=/), 0);
});
