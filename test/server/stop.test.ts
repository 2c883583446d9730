import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server } from "./harness.ts";
import { type Client, get } from "./http-client.ts";
import { KEPT, serverWithSilentClients } from "./silent-clients.ts";

test("TERM with clients that say nothing ends before any of their limits", async (t) => {
  const server = await serverWithSilentClients(t);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.doesNotMatch(server.output(), /limit reached/);
});

test("TERM with a client in the middle of a head gives it a second, not the graceful timeout", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--graceful-timeout", "30"] });
  const [never, soon] = [await server.connect(), await server.connect()];
  for (const client of [never, soon]) client.send("GET / HTTP/1.1\r\nHo");
  await server.exchange(get("/"));
  const from = server.lines.length;
  server.signal("SIGTERM");
  await server.waitForLine(/Handling signal: term/, from);
  soon.send("st: h\r\n\r\n");
  assert.equal((await soon.readResponse()).body, "hello\n");
  assert.match(await never.readToEnd(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
  await server.waitForLine(/limit reached limit=head-timeout seconds=1 ip=127\.0\.0\.1$/, from);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test("no request that was sent before TERM is lost: on new connections, on kept ones, pipelined", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const kept = await Promise.all(Array.from({ length: 50 }, () => server.connect()));
  for (const client of kept) {
    client.send(KEPT);
    await client.readResponse();
  }
  const fresh = await Promise.all(Array.from({ length: 50 }, () => server.connect()));
  const PIPELINED = 5;
  for (const client of [...kept, ...fresh]) client.send(KEPT.repeat(PIPELINED));
  server.signal("SIGTERM");
  const answers = async (client: Client) => {
    let count = 0;
    for (; count < PIPELINED; count++) assert.equal((await client.readResponse()).body, "hello\n");
    return count;
  };
  assert.deepEqual(new Set(await Promise.all([...kept, ...fresh].map(answers))), new Set([PIPELINED]));
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  await waitUntil("waiting for the last process", () => server.processes().length === 0);
});
