import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type CleartextHost, CleartextPreface } from "../../src/gateway/cleartext-preface.ts";
import { readThroughSharedBuffer } from "../../src/gateway/shared-read-buffer.ts";
import { PREFACE } from "../protocol/http2/frames.ts";
import { PEER } from "./memory-exchange.ts";
import { until } from "./spool-directory.ts";

const HEAD_MS = 1_000;

/** A preface on a real connection, with the test as its gateway and its clock. */
class Harness implements CleartextHost {
  readonly limits = { idleMs: 0, proxyIdleMs: 0, headMs: HEAD_MS, drainHeadMs: 0, bodyMs: 0, writeMs: 0 };
  drainingSinceMs: number | undefined;
  crowded = false;
  nowMs = 5_000;
  readonly struck: string[] = [];
  decided: { speaksHttp2: boolean; bytes: string } | undefined;
  closedCount = 0;
  seenEnd = false;
  preface: CleartextPreface | undefined;
  readonly client: Socket;

  private constructor(client: Socket) {
    this.client = client;
    // Bytes that were never read are answered by a reset.
    client.on("error", () => {});
    client.resume().on("close", () => {
      this.seenEnd = true;
    });
  }

  static async start(t: TestContext): Promise<Harness> {
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const harness = new Harness(connect((server.address() as AddressInfo).port, "127.0.0.1"));
    server.once("connection", (socket) => {
      harness.preface = new CleartextPreface(readThroughSharedBuffer(socket), PEER, harness);
    });
    t.after(() => {
      harness.client.destroy();
      harness.preface?.abandon();
      server.close();
    });
    await until(() => harness.preface !== undefined);
    return harness;
  }

  now(): number {
    return this.nowMs;
  }
  cleartextDecided(_preface: CleartextPreface, speaksHttp2: boolean, bytes: Buffer): void {
    assert.equal(this.decided, undefined, "it is decided once");
    this.decided = { speaksHttp2, bytes: bytes.latin1Slice() };
  }
  closed(): void {
    this.closedCount += 1;
  }
  limitReached(limit: string, limitMs: number): void {
    this.struck.push(`${limit} ${limitMs}`);
  }
  fault(error: unknown): void {
    assert.ifError(error);
  }
  pass(ms: number): void {
    this.nowMs += ms;
    this.preface?.sweep(this.nowMs);
  }
}

for (const { name, pieces, speaksHttp2 } of [
  { name: "the preface of HTTP/2 and more", pieces: [`${PREFACE.latin1Slice()}more`], speaksHttp2: true },
  { name: "the preface in pieces", pieces: ["P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n"], speaksHttp2: true },
  { name: "a request of HTTP/1", pieces: ["GET / HTTP/1.1\r\n"], speaksHttp2: false },
  { name: "a request that begins as a preface does", pieces: ["PR", "OPFIND / HTTP/1.1\r\n"], speaksHttp2: false },
  { name: "a preface but for its last byte", pieces: [`${PREFACE.latin1Slice(0, 23)}x`], speaksHttp2: false },
]) {
  test(`${name}: nothing of it is lost`, async (t) => {
    const harness = await Harness.start(t);
    for (const piece of pieces) {
      harness.client.write(piece, "latin1");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => harness.decided !== undefined);
    // A piece may have come behind the decision: it is the next owner's.
    assert.equal(harness.decided?.speaksHttp2, speaksHttp2);
    assert.ok(pieces.join("").startsWith(harness.decided?.bytes ?? ""));
  });
}

test("a client that is silent is closed when the time for a head is over", async (t) => {
  const harness = await Harness.start(t);
  harness.client.write("PRI *");
  harness.pass(HEAD_MS - 1);
  assert.deepEqual(harness.struck, []);
  harness.pass(1);
  await until(() => harness.seenEnd && harness.closedCount === 1);
  assert.deepEqual(harness.struck, [`head-timeout ${HEAD_MS}`]);
});

test("a client that is silent is closed when the server stops", async (t) => {
  const harness = await Harness.start(t);
  harness.drainingSinceMs = harness.nowMs;
  harness.pass(249);
  assert.equal(harness.closedCount, 0);
  harness.pass(1);
  await until(() => harness.seenEnd);
  assert.deepEqual(harness.struck, []);
});

test("a client that says no more is closed", async (t) => {
  const harness = await Harness.start(t);
  harness.client.end("PRI *");
  await until(() => harness.seenEnd && harness.closedCount === 1);
  assert.equal(harness.decided, undefined);
});
