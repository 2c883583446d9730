import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { waitUntil, withDeadline } from "./deadline.ts";
import { type Scope, Server } from "./harness.ts";
import { get } from "./http-client.ts";

const DRIBBLING = 300;
const READING = 50;
const BIG_BYTES = 5_000_000;

/** A connection that has sent `text`, reads nothing, and counts what it reads once resumed. */
async function slowConnection(
  t: Scope,
  server: Server,
  text: string,
): Promise<{ readonly socket: Socket; receivedBytes: number; ended: boolean }> {
  const socket = connect({ port: Number(server.address), host: "127.0.0.1" });
  t.after(() => void socket.destroy());
  await withDeadline("connecting", (resolve, reject) => socket.once("connect", () => resolve(undefined)).once("error", reject));
  const connection = { socket, receivedBytes: 0, ended: false };
  socket.on("data", (data) => {
    connection.receivedBytes += data.length;
  });
  socket.on("close", () => {
    connection.ended = true;
  });
  socket.pause();
  socket.write(text);
  return connection;
}

test("300 clients that dribble heads and 50 that read 5 MB slowly hold up nobody", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2"] });
  const head = get("/", `X-Slow: ${"x".repeat(100)}\r\n`);
  const dribbling = await Promise.all(Array.from({ length: DRIBBLING }, () => slowConnection(t, server, head.slice(0, 20))));
  const reading = await Promise.all(Array.from({ length: READING }, () => slowConnection(t, server, get(`/big?bytes=${BIG_BYTES}`))));

  for (let at = 20; at < 40; at++) {
    for (const { socket } of dribbling) socket.write(head[at]!);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  }
  assert.equal(dribbling.filter(({ ended }) => ended).length, 0);
  assert.equal(reading.filter(({ ended }) => ended).length, 0);

  for (const { socket } of dribbling) socket.end(head.slice(40));
  for (const { socket } of [...dribbling, ...reading]) socket.resume();
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
  for (const { socket } of sending) {
    socket.resume();
    socket.write(body.slice(100));
  }
  await waitUntil("waiting for every slow client's response", () => sending.every(({ ended }) => ended));
  assert.equal(sending.filter(({ receivedBytes }) => receivedBytes > body.length).length, 20);
});
