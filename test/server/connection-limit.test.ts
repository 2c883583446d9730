import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server } from "./harness.ts";
import { type Client, get } from "./http-client.ts";

/** Enough for the server itself, and for far fewer clients than come. */
const DESCRIPTORS = 96;
const CLIENTS = 200;
const FILE_BYTES = 3_000_000;

const limited = (descriptors: number) => ["/bin/sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh"];

async function connectMany(server: Server, count: number): Promise<Client[]> {
  return await Promise.all(Array.from({ length: count }, () => server.connect()));
}

function descriptorsOf(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

test(`${CLIENTS} clients of a server with ${DESCRIPTORS} descriptors: all are answered, one after another`, async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"], through: limited(DESCRIPTORS) });
  const gateway = server.gateway();
  const clients = await connectMany(server, CLIENTS);
  // Each leaves when it has its answer; only then there is room for another.
  for (const client of clients) client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  let most = 0;
  const answered = new Set<Client>();
  for (const client of clients) {
    void client.readResponse().then((response) => {
      assert.equal(response.body, "hello\n");
      answered.add(client);
      client.close();
    });
  }
  await waitUntil("waiting for all answers", () => {
    most = Math.max(most, descriptorsOf(gateway));
    return answered.size === CLIENTS;
  });
  assert.ok(most < DESCRIPTORS, `the gateway had ${most} descriptors`);
  assert.equal(server.gateway(), gateway);
  assert.doesNotMatch(server.output(), /EMFILE|fault/);
});

test("at the limit downloads of files go on, clients that wait are let in when others leave, and none is lost", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"], through: limited(DESCRIPTORS) });
  const clients = await connectMany(server, CLIENTS);
  const download = `GET /large-file?bytes=${FILE_BYTES} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
  for (const client of clients) client.send(download);
  const responses = await Promise.all(clients.map((client) => client.readResponse()));
  for (const { body, complete } of responses) assert.deepEqual([body.length, complete], [FILE_BYTES, true]);
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  assert.doesNotMatch(server.output(), /EMFILE|fault/);
});

test("connection_limit: the next client is accepted when another has left", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--connection-limit", "10"] });
  const holding = await connectMany(server, 10);
  for (const client of holding) {
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await client.readResponse();
  }
  const waiting = await server.connect();
  waiting.send(get("/"));
  const answer = waiting.readResponse();
  let early = false;
  void answer.then(() => {
    early = true;
  });
  await server.waitForLine(/accepting paused connections=10 /);
  assert.equal(early, false);
  holding[0]!.close();
  assert.equal((await answer).body, "hello\n");
});

test("at the limit, idle connections make room for a client that waits", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--connection-limit", "5", "--log-level", "debug"] });
  const idle = await connectMany(server, 5);
  for (const client of idle) {
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await client.readResponse();
  }
  // All peers here are trusted: without that they could stay for 75 s.
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  await server.waitForLine(/limit reached limit=idle-timeout seconds=2 ip=127\.0\.0\.1$/);
  for (const client of idle) assert.equal(await client.readToEnd(), "");
});
