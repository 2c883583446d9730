/** A hundred slow streams of HTTP/2 over TLS, for the ordinary tests and for the soak: who is slow holds nobody up, and little memory. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { test } from "node:test";
import { TLS_SERVER } from "./certificates.ts";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server } from "./harness.ts";
import { ask, openSession } from "./http2-client.ts";
import { BLOCK_BYTES, digestOfBlocks } from "./large-body-client.ts";
import { watchMemory } from "./peak-memory.ts";

const STREAMS = 100;
const MIB = 1024 * 1024;
/** All of the gateway, whatever the bodies' size: the rest of them is on the disk, or not sent yet. */
const GATEWAY_BYTES_MAX = 200 * MIB;

interface Slow {
  readonly stream: ClientHttp2Stream;
  status: number | undefined;
  /** Of the body, once it has ended. */
  hash: string | undefined;
  ended: boolean;
}

/** @param bodyBytes  Of each stream, in whole blocks. */
export function testSlowStreams(bodyBytes: number): void {
  const size = `${(bodyBytes / MIB).toFixed(2)} MiB`;

  test(`${STREAMS} streams that read ${size} each, and do not begin`, async (t) => {
    const { server, memory, othersAreServed } = await start(t);
    const readers = open(t, server, () => ({ ":path": `/generate?length=1&blocks=${bodyBytes / BLOCK_BYTES}` }));
    // The workers are done with all of them before anybody reads.
    await waitUntil("waiting for all heads", () => readers.every(({ status }) => status === 200));
    await othersAreServed();
    memory();
    for (const { stream } of readers) stream.resume();
    await waitUntil("waiting for all bodies", () => readers.every(({ ended }) => ended));
    assert.deepEqual([...new Set(readers.map(({ hash }) => hash))], [digestOfBlocks(bodyBytes / BLOCK_BYTES)]);
    memory();
  });

  test(`${STREAMS} streams that send ${size} each, and pause in the middle`, async (t) => {
    const { server, memory, othersAreServed } = await start(t);
    const senders = open(t, server, () => ({ ":path": "/hash", ":method": "POST" }));
    const half = Buffer.alloc(bodyBytes / 2, "x");
    await Promise.all(senders.map(({ stream }) => new Promise((resolve) => stream.write(half, resolve))));
    await othersAreServed();
    memory();
    for (const { stream } of senders) stream.end(half);
    for (const { stream } of senders) stream.resume();
    await waitUntil("waiting for all answers", () => senders.every(({ ended }) => ended));
    const answer = createHash("sha1").update(half).update(half).digest("hex");
    const expected = `200 ${createHash("sha1").update(answer).digest("hex")}`;
    assert.deepEqual([...new Set(senders.map(({ status, hash }) => `${status} ${hash}`))], [expected]);
    memory();
  });
}

async function start(t: Scope & { diagnostic(text: string): void }) {
  // Times are out of the way of slow machines; a body that pauses is the worker's only when it is whole.
  const limits = ["--write-timeout", "0", "--body-timeout", "0", "--body-wait", "100000", "--timeout", "0"];
  const server = await Server.start(t, "tunicorn", { args: ["large", "-w", "1", ...TLS_SERVER, "--http-protocols", "h2,h1", ...limits] });
  const other = openSession(t, `https://localhost:${server.address}`, { host: "127.0.0.1" } as object);
  const othersAreServed = async () => assert.equal((await ask(other, { ":path": "/" })).body, "hello\n");
  await othersAreServed();
  const growth = watchMemory(server);
  const memory = () => {
    const processes = growth().map(({ role, idleBytes, grownBytes }) => ({ role, bytes: idleBytes + grownBytes }));
    t.diagnostic(processes.map(({ role, bytes }) => `${role} ${(bytes / MIB).toFixed(0)} MiB`).join(", "));
    assert.ok((processes.find(({ role }) => role === "gateway")?.bytes ?? Number.NaN) < GATEWAY_BYTES_MAX);
  };
  return { server, memory, othersAreServed };
}

/** Streams of one connection, none of which reads. */
function open(t: Scope, server: Server, fields: () => OutgoingHttpHeaders): Slow[] {
  const session = openSession(t, `https://localhost:${server.address}`, { host: "127.0.0.1" } as object);
  return Array.from({ length: STREAMS }, () => {
    const asked = fields();
    const stream = session.request(asked, { endStream: asked[":method"] === undefined });
    const slow: Slow = { stream, status: undefined, hash: undefined, ended: false };
    const hash = createHash("sha1");
    stream.on("response", (head) => {
      slow.status = head[":status"];
    });
    stream.on("data", (chunk: Buffer) => hash.update(chunk));
    stream.on("end", () => {
      slow.hash = hash.digest("hex");
    });
    stream.on("close", () => {
      slow.ended = true;
    });
    stream.on("error", () => {});
    stream.pause();
    return slow;
  });
}
