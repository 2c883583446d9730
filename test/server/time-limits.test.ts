import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { Client, get } from "./http-client.ts";

const ATTACKERS = 2000;
const READERS = 60;
const BIG_BYTES = 20_000_000;
const MIB = 1024 ** 2;
/** What a reader may hold: `response_buffer`, as much again that its worker has sent on credit, and a megabyte on its way to a slow disk. */
const READER_BYTES_MAX = 2 * MIB;
/** A gateway at work has this much garbage, whoever its clients are. */
const GARBAGE_BYTES = 48 * MIB;

function residentBytes(server: Server): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.gateway()}/status`, "latin1")) ?? [];
  return Number(kilobytes) * 1024;
}

async function connectMany(server: Server, count: number, request: string): Promise<Client[]> {
  const clients: Client[] = [];
  // Not all at once: the kernel's queue has room for `backlog`.
  for (let left = count; left > 0; left -= 100) {
    const arrived = await Promise.all(Array.from({ length: Math.min(100, left) }, () => server.connect()));
    // Now, not when all are here: who says nothing for as long as head_timeout is closed without a word.
    for (const client of arrived) client.send(request);
    clients.push(...arrived);
  }
  return clients;
}

/** Every client sends a byte, `rounds` times; between the rounds somebody else is answered. @returns the gateway's growth at its largest. */
async function dribble(server: Server, clients: readonly Client[], rounds: number, beforeBytes: number): Promise<number> {
  let grownBytes = 0;
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) client.send("x");
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    grownBytes = Math.max(grownBytes, residentBytes(server) - beforeBytes);
  }
  return grownBytes;
}

for (const { limit, option, request } of [
  { limit: "head-timeout", option: "--head-timeout", request: "GET / HTTP/1.1\r\nX: " },
  { limit: "body-timeout", option: "--body-timeout", request: "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" },
]) {
  test(`${ATTACKERS} clients that send a byte at a time, ${limit}: little memory, no worker, 408 for each, with the limit's name`, async (t) => {
    // One worker, which a single body that is waited for no longer would hold.
    const server = await Server.start(t, "tunicorn", { args: ["cases", "--body-wait", "0", option, "4"] });
    const beforeBytes = residentBytes(server);
    const clients = await connectMany(server, ATTACKERS, request);
    const grownBytes = await dribble(server, clients, 20, beforeBytes);
    t.diagnostic(`${Math.round(grownBytes / MIB)} MiB for ${ATTACKERS} clients`);
    assert.ok(grownBytes < 100 * MIB, `${grownBytes} bytes`);
    const ends = await Promise.all(clients.map((client) => client.readToEnd()));
    assert.equal(ends.filter((text) => text.startsWith("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n")).length, ATTACKERS);
    const struck = new RegExp(`\\[INFO\\] limit reached limit=${limit} seconds=4 ip=127\\.0\\.0\\.1$`);
    await waitUntil("waiting for all lines", () => server.countLines(struck) >= ATTACKERS);
    assert.equal(server.countLines(struck), ATTACKERS);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });
}

test(`${READERS} clients that read nothing: bounded memory, no worker, dropped with the limit's name`, async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--write-timeout", "3"] });
  const beforeBytes = residentBytes(server);
  const clients = await connectMany(server, READERS, "");
  for (const client of clients) client.socket.pause();
  for (const client of clients) client.send(`GET /big?bytes=${BIG_BYTES} HTTP/1.1\r\nHost: h\r\n\r\n`);
  // Behind all of them: a worker takes it when it has given the last of the answers away.
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  const grownBytes = residentBytes(server) - beforeBytes;
  t.diagnostic(`${Math.round(grownBytes / MIB)} MiB for ${READERS} clients`);
  assert.ok(grownBytes < GARBAGE_BYTES + READERS * READER_BYTES_MAX, `${grownBytes} bytes`);
  const struck = /\[INFO\] limit reached limit=write-timeout seconds=3 ip=127\.0\.0\.1$/;
  await waitUntil("waiting until all are dropped", () => server.countLines(struck) === READERS);
});

test("queue_timeout: 503 with Retry-After, and a warning with the limit's name", async (t) => {
  const gate = join(temporaryFolder(t), "gate");
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--queue-timeout", "1", "--look-ahead", "0"] });
  await waitUntil("waiting for the worker", async () => (await server.exchange(get("/"))).status === 200);
  const holding = await server.connect();
  holding.send(get(`/stay?note=${gate}.note&gate=${gate}.open`));
  await waitUntil("waiting for the request to be in the application", () => existsSync(`${gate}.note`));
  const { status, fields } = await server.exchange(get("/"));
  assert.deepEqual([status, fields.filter(([name]) => name === "Retry-After")], [503, [["Retry-After", "1"]]]);
  await server.waitForLine(/\[WARNING\] limit reached limit=queue-timeout seconds=1 ip=127\.0\.0\.1$/);
  server.signal("SIGQUIT");
});

/** A proxy's connections, and anybody else's. */
const IDLE = [
  { who: "a trusted peer", args: ["--keep-alive", "1", "--proxy-keep-alive", "2"], seconds: 2 },
  { who: "a trusted peer, keepalive being longer", args: ["--keep-alive", "2", "--proxy-keep-alive", "1"], seconds: 2 },
  { who: "anybody else", args: ["--keep-alive", "1", "--proxy-keep-alive", "2", "--forwarded-allow-ips", "192.0.2.1"], seconds: 1 },
];

for (const { who, args, seconds } of IDLE) {
  test(`an idle connection of ${who} is closed after ${seconds} s, which is worth a line for debugging`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: ["cases", "--log-level", "debug", ...args] });
    const client = await server.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.equal((await client.readResponse()).body, "hello\n");
    assert.equal(await client.readToEnd(), "");
    await server.waitForLine(new RegExp(`\\[DEBUG\\] limit reached limit=idle-timeout seconds=${seconds} ip=127\\.0\\.0\\.1$`));
  });
}

test("peers on a unix socket are proxies", async (t) => {
  const bind = `unix:${join(temporaryFolder(t), "s")}`;
  const args = ["cases", "--log-level", "debug", "--keep-alive", "1", "--proxy-keep-alive", "2", "--forwarded-allow-ips", "192.0.2.1"];
  const server = await Server.start(t, "tunicorn", { args, bind });
  const client = await Client.connect(server.address);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await client.readResponse();
  assert.equal(await client.readToEnd(), "");
  await server.waitForLine(/limit reached limit=idle-timeout seconds=2 ip=$/);
});
