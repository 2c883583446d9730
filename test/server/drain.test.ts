/** TERM with `drain_delay`: the server goes on serving until those who send clients here have looked away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { type Client, field, get } from "./http-client.ts";
import { Notes } from "./service-manager.ts";
import { KEPT } from "./silent-clients.ts";

/** Longer than any test: it ends by a second signal. */
const LONG = ["--drain-delay", "600"];

async function ask(client: Client): Promise<{ body: string; closes: boolean }> {
  client.send(KEPT);
  const response = await client.readResponse();
  return { body: response.body, closes: field(response, "Connection") === "close" };
}

/** Started, and the arbiter knows it. */
async function start(t: Parameters<typeof Server.start>[0], args: readonly string[], env: Record<string, string> = {}): Promise<Server> {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "--log-level", "debug", ...args], env });
  await server.workersReady(2);
  return server;
}

test("during the delay everybody is served, workers are replaced, a reload is done; a second TERM ends it", async (t) => {
  const socket = `@${temporaryFolder(t)}`;
  const notes = await Notes.listen(t, socket);
  const server = await start(t, LONG, { NOTIFY_SOCKET: socket });
  const kept = await server.connect();
  assert.deepEqual(await ask(kept), { body: "hello\n", closes: false });
  server.signal("SIGTERM");
  await server.waitForLine(/\[INFO\] draining, not ready any more and still serving delay_s=600\.0$/);
  await notes.wait(/^STOPPING=1\nSTATUS=Draining: not ready, still serving$/);
  for (const client of [kept, await server.connect()]) assert.deepEqual(await ask(client), { body: "hello\n", closes: false });

  process.kill(server.workers()[0] ?? assert.fail("no worker"), "SIGKILL");
  await server.workersReady(3);
  server.signal("SIGHUP");
  await server.waitForLine(/\[INFO\] reload done gen=1 workers=2$/);
  server.signal("SIGUSR2");
  await server.waitForLine(/\[WARNING\] USR2 signal ignored\. Draining\.$/);
  assert.deepEqual(await ask(kept), { body: "hello\n", closes: false });

  const held = await holdRequest(t, server);
  server.signal("SIGTERM");
  await server.waitForLine(/\[INFO\] drain delay cut short, stopping waited_s=\d+\.\d$/);
  await server.waitForLine(/\[INFO\] draining connections=[1-3] requests=1 waited_s=\d+\.\d$/);
  await waitUntil("waiting for the listener to close", () =>
    server.connect().then(
      (client) => void client.close(),
      () => true,
    ),
  );
  assert.equal(await kept.readToEnd(), "");
  held.release();
  const last = await held.answer;
  assert.ok(!(last instanceof Error), String(last));
  assert.deepEqual([last.status, field(last, "Connection")], [200, "close"]);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal((await notes.wait(/STATUS=Stopping/)).text, "STOPPING=1\nSTATUS=Stopping");
  assert.equal(notes.all.filter(({ text }) => text.startsWith("RELOADING")).length, 0);
});

test("the delay ends by itself; before that answers say close, on connections that are new then, too", async (t) => {
  const server = await start(t, ["--drain-delay", "3"]);
  const from = server.lines.length;
  server.signal("SIGTERM");
  await server.waitForLine(/draining, not ready/, from);
  let closing = 0;
  await waitUntil("waiting for closed listeners", async () => {
    const client = await server.connect().catch(() => undefined);
    if (client === undefined) return true;
    const { body, closes } = await ask(client);
    client.close();
    assert.equal(body, "hello\n");
    // Not of the stop itself, which says so as well.
    if (closes && server.countLines(/drain delay is over/) === 0) closing += 1;
    return undefined;
  });
  await server.waitForLine(/\[INFO\] drain delay is over, stopping waited_s=3\.\d$/, from);
  assert.ok(closing > 0, "nobody was told to go");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test("TERM to the whole process group: the delay is the same, and no worker takes it for its own", async (t) => {
  const server = await start(t, LONG);
  const before = server.workers();
  process.kill(-server.pid, "SIGTERM");
  await server.waitForLine(/draining, not ready/);
  const held = await holdRequest(t, server);
  process.kill(-server.pid, "SIGTERM");
  await server.waitForLine(/drain delay cut short/);
  held.release();
  const answer = await held.answer;
  assert.deepEqual(answer instanceof Error ? answer : answer.status, 200);
  assert.ok(before.includes(held.worker));
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal(server.countLines(/worker signalled/), 0);
});

test("INT during the delay ends it, and the server with it, at once", async (t) => {
  const server = await start(t, LONG);
  server.signal("SIGTERM");
  await server.waitForLine(/draining, not ready/);
  server.signal("SIGINT");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test("workers that accept clients by themselves go on during the delay, too", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["-k", "tornado", "tornado_site:app", "--log-level", "debug", ...LONG] });
  await server.workersReady(1);
  server.signal("SIGTERM");
  await server.waitForLine(/draining, not ready/);
  assert.equal((await server.exchange(get("/"))).status, 200);
  server.signal("SIGTERM");
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});
