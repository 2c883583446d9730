import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { waitUntil, withDeadline } from "./deadline.ts";
import { type Scope, Server } from "./harness.ts";
import { get } from "./http-client.ts";

const DRIBBLING = 300;
const READING = 50;
const BIG_BYTES = 5_000_000;
/** In each round every slow client moves a little, and normal requests are measured. */
const ROUNDS = 20;
const READ_BYTES_PER_ROUND = 65_536;
const MEASURED_PER_ROUND = 10;

interface SlowConnection {
  readonly socket: Socket;
  receivedBytes: number;
  /** It reads no more than this, a chunk of the socket more or less. */
  allowedBytes: number;
  ended: boolean;
}

/** A connection that has sent `text` and reads nothing until it is allowed to. */
async function slowConnection(t: Scope, server: Server, text: string): Promise<SlowConnection> {
  const socket = connect({ port: Number(server.address), host: "127.0.0.1" });
  t.after(() => void socket.destroy());
  await withDeadline("connecting", (resolve, reject) => socket.once("connect", () => resolve(undefined)).once("error", reject));
  const connection = { socket, receivedBytes: 0, allowedBytes: 0, ended: false };
  socket.on("data", (data) => {
    connection.receivedBytes += data.length;
    if (connection.receivedBytes >= connection.allowedBytes) socket.pause();
  });
  socket.on("close", () => {
    connection.ended = true;
  });
  socket.pause();
  socket.write(text);
  return connection;
}

function read(connection: SlowConnection, bytes: number): void {
  connection.allowedBytes += bytes;
  connection.socket.resume();
}

/** Lets some normal requests, one after another and each on a connection of its own, be answered. @returns Milliseconds of each. */
async function latencies(server: Server): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < MEASURED_PER_ROUND; n++) {
    const startedMs = performance.now();
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    found.push(performance.now() - startedMs);
  }
  return found;
}

/** `"p50 0.9 ms, p99 2.1 ms"` */
function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [50, 99].map((percent) => `p${percent} ${sorted[Math.ceil((sorted.length * percent) / 100) - 1]!.toFixed(1)} ms`).join(", ");
}

test("300 clients that dribble heads and 50 that read 5 MB slowly hold up nobody", async (t) => {
  // No limit ends what these clients do, however long the machine takes for it.
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "--head-timeout", "0", "--write-timeout", "0"] });
  const without: number[] = [];
  for (let round = 0; round < ROUNDS; round++) without.push(...(await latencies(server)));

  const head = get("/", `X-Slow: ${"x".repeat(100)}\r\n`);
  const dribbling = await Promise.all(Array.from({ length: DRIBBLING }, () => slowConnection(t, server, head.slice(0, ROUNDS))));
  const reading = await Promise.all(Array.from({ length: READING }, () => slowConnection(t, server, get(`/big?bytes=${BIG_BYTES}`))));
  const amid: number[] = [];
  for (let at = ROUNDS; at < 2 * ROUNDS; at++) {
    for (const { socket } of dribbling) socket.write(head[at]!);
    for (const connection of reading) read(connection, READ_BYTES_PER_ROUND);
    // A worker that a slow client holds would never answer: the readers are more than the workers, and stay to the end.
    amid.push(...(await latencies(server)));
  }
  assert.equal(dribbling.filter(({ ended, receivedBytes }) => ended || receivedBytes > 0).length, 0);
  assert.equal(reading.filter(({ ended, receivedBytes }) => ended || receivedBytes >= BIG_BYTES).length, 0);
  t.diagnostic(`normal requests alone: ${percentiles(without)}`);
  t.diagnostic(`normal requests amid ${DRIBBLING + READING} slow clients: ${percentiles(amid)}`);

  for (const { socket } of dribbling) socket.end(head.slice(2 * ROUNDS));
  for (const connection of [...dribbling, ...reading]) read(connection, Number.POSITIVE_INFINITY);
  await waitUntil("waiting for every slow client's response", () => [...dribbling, ...reading].every(({ ended }) => ended));
  assert.equal(dribbling.filter(({ receivedBytes }) => receivedBytes > 0).length, DRIBBLING);
  assert.equal(reading.filter(({ receivedBytes }) => receivedBytes > BIG_BYTES).length, READING);
});

test("clients that send their bodies slowly hold no worker", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const body = "x".repeat(2000);
  const request = `POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  const sending = await Promise.all(Array.from({ length: 20 }, () => slowConnection(t, server, request + body.slice(0, 100))));
  for (let n = 0; n < 10; n++) assert.equal((await server.exchange(get("/"))).body, "hello\n");
  for (const connection of sending) {
    read(connection, Number.POSITIVE_INFINITY);
    connection.socket.write(body.slice(100));
  }
  await waitUntil("waiting for every slow client's response", () => sending.every(({ ended }) => ended));
  assert.equal(sending.filter(({ receivedBytes }) => receivedBytes > body.length).length, 20);
});
