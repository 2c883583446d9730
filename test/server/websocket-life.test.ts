/** Open WebSockets and what happens around them: stops, reloads, deaths, and sides that do not keep up. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { watchMemory } from "./peak-memory.ts";
import { BINARY, CLOSE, frame, PING, TEXT, WebsocketClient } from "./websocket-client.ts";

const ARGS = ["websocket_cases:application", "-k", "asgi", "-w", "1"];
const MIB = 1024 * 1024;
/** What a sender whom nobody hears is let send: windows, kernels' buffers on three sockets. Tests send ten times as much. */
const UNHEARD_BYTES_MAX = 40 * MIB;
/** What a process may grow by for one stalled client: a window, a message, and what allocators keep. */
const GROWTH_BYTES_MAX = 48 * MIB;

const start = (t: Scope, kind: ServerKind = "tunicorn", args: readonly string[] = []) =>
  Server.start(t, kind, { args: [...ARGS, ...args] });

/** Answers the server's close frame as a client does. @returns What came before the end. */
async function closedBy(client: WebsocketClient): Promise<string> {
  const received = await client.next();
  assert.equal(received?.opcode, CLOSE);
  client.send(frame(CLOSE, received.payload));
  assert.deepEqual(await client.rest(), ["end"]);
  return `${received.payload.readUInt16BE(0)} ${received.payload.toString("utf8", 2)}`;
}

test("a worker that is killed: its clients are closed with 1011, and the next worker takes new ones", async (t) => {
  const server = await start(t);
  const clients = [await WebsocketClient.accepted(server.address, "/pid"), await WebsocketClient.accepted(server.address, "/pid")];
  const [pid] = await Promise.all(clients.map((client) => client.message()));
  process.kill(Number(pid), "SIGKILL");
  for (const client of clients) assert.equal(await closedBy(client), "1011 Worker died");
  const client = await WebsocketClient.accepted(server.address, "/pid");
  assert.notEqual(await client.message(), pid);
  client.close();
});

test("HUP: clients of the old worker are closed with 1012, the application hears it", async (t) => {
  const server = await start(t);
  const client = await WebsocketClient.accepted(server.address, "/pid?tag=reloaded");
  const pid = await client.message();
  server.signal("SIGHUP");
  assert.equal(await closedBy(client), "1012 Service restart");
  await server.waitForLine(/^app reloaded disconnect 1012 Service restart/);
  const next = await WebsocketClient.accepted(server.address, "/pid");
  assert.notEqual(await next.message(), pid);
  next.close();
});

test("TERM: clients are closed with 1001, also one that does not answer, and the server ends well", async (t) => {
  const server = await start(t);
  const polite = await WebsocketClient.accepted(server.address, "/echo?tag=polite");
  const silent = await WebsocketClient.accepted(server.address, "/echo?tag=silent");
  server.signal("SIGTERM");
  assert.equal(await closedBy(polite), "1001 Server is stopping");
  assert.deepEqual(await silent.rest(), ["close 1001 Server is stopping", "end"]);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  for (const tag of ["polite", "silent"]) assert.match(server.output(), new RegExp(`^app ${tag} disconnect 1001`, "m"));
  assert.doesNotMatch(server.output(), /Forcing close|\[ERROR\]/);
});

test("a gateway that is killed: the application hears 1006", async (t) => {
  const server = await start(t);
  const client = await WebsocketClient.accepted(server.address, "/pid?tag=orphan");
  await client.message();
  process.kill(server.gateway() ?? assert.fail(), "SIGKILL");
  assert.deepEqual(await client.rest(), ["end"]);
  await server.waitForLine(/^app orphan disconnect 1006/);
});

test("a client that takes nothing for write_timeout is cut off, and the application hears 1006", async (t) => {
  const server = await start(t, "tunicorn", ["--write-timeout", "1"]);
  const client = await WebsocketClient.accepted(server.address, `/flood?bytes=65536&note=${join(temporaryFolder(t), "note")}`);
  client.socket.pause();
  await server.waitForLine(/limit reached limit=write-timeout/);
  await server.waitForLine(/^app flood ended/);
});

for (const kind of KINDS) {
  test(`${kind}: send() waits for a client that does not read`, async (t) => {
    const server = await start(t, kind);
    const note = join(temporaryFolder(t), "note");
    const growth = kind === "tunicorn" ? watchMemory(server) : undefined;
    const client = await WebsocketClient.accepted(server.address, `/flood?bytes=20000&note=${note}`);
    client.socket.pause();
    await waitUntil("waiting for it to send", () => existsSync(note));
    const sentBytes = () => Number(readFileSync(note, "utf8").split(" ")[1]);
    // It stands still: the same number twice, with another client served between.
    const sent = await waitUntil("waiting for the sender to stand still", async () => {
      const before = sentBytes();
      for (let n = 0; n < 5; n++) await echo(server);
      return before === sentBytes() ? before : undefined;
    });
    assert.ok(sent < UNHEARD_BYTES_MAX, `${sent} bytes went through`);
    assertBounded(growth?.());
    client.socket.resume();
    await waitUntil("waiting for it to go on", () => sentBytes() > sent);
    client.close();
  });
}

for (const [what, messageBytes, more] of [
  ["messages of a kilobyte", 1024, []],
  ["large messages", 4 * MIB, []],
  ["empty messages", 0, ["--asgi-loop", "asyncio"]],
] as const) {
  test(`an application that does not receive stops its client: ${what}`, async (t) => {
    const gate = join(temporaryFolder(t), "gate");
    const server = await start(t, "tunicorn", more);
    const client = await WebsocketClient.accepted(server.address, `/stay?gate=${gate}`);
    const growth = watchMemory(server);
    const message = frame(BINARY, Buffer.alloc(messageBytes, 1));
    const batch = Buffer.concat(Array.from({ length: Math.ceil((2 * MIB) / message.length) }, () => message));
    const inBatch = batch.length / message.length;
    let batches = 0;
    // Until the kernel takes no more, for as long as another client is served twenty times.
    for (let stalled = false; !stalled; ) {
      stalled = !client.socket.write(batch) && !(await takenMeanwhile(client, server));
      batches++;
      assert.ok(batches * batch.length < 10 * UNHEARD_BYTES_MAX, "the client is never stopped");
    }
    assert.ok(client.socket.bytesWritten - client.socket.writableLength < UNHEARD_BYTES_MAX);
    assertBounded(growth());
    writeFileSync(gate, "");
    client.send(frame(TEXT, "count"));
    assert.equal(await client.message(), `${batches * inBatch} ${batches * inBatch * messageBytes}`);
    client.close();
  });
}

test("a client that pings and does not read is not read either", async (t) => {
  const server = await start(t);
  const client = await WebsocketClient.accepted(server.address, "/echo");
  client.socket.pause();
  const growth = watchMemory(server);
  const batch = Buffer.concat(Array.from({ length: 10_000 }, () => frame(PING, "x".repeat(125))));
  let sent = 0;
  for (let stalled = false; !stalled; sent += batch.length) {
    stalled = !client.socket.write(batch) && !(await takenMeanwhile(client, server));
    assert.ok(sent < 10 * UNHEARD_BYTES_MAX, "the client is never stopped");
  }
  assertBounded(growth());
  client.close();
});

async function echo(server: Server): Promise<void> {
  const client = await WebsocketClient.accepted(server.address, "/echo");
  client.send(frame(TEXT, "other"));
  assert.equal(await client.message(), "other");
  client.close();
}

/** Whether the kernel takes everything that a client has to send while another client is served twenty times. */
async function takenMeanwhile(client: WebsocketClient, server: Server): Promise<boolean> {
  for (let n = 0; n < 20 && client.socket.writableLength > 0; n++) await echo(server);
  return client.socket.writableLength === 0;
}

function assertBounded(growths: ReturnType<ReturnType<typeof watchMemory>> | undefined): void {
  for (const { role, grownBytes } of growths ?? []) {
    assert.ok(grownBytes < GROWTH_BYTES_MAX, `the ${role} grew by ${Math.round(grownBytes / MIB)} MiB`);
  }
}
