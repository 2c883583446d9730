import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { WriteWatch } from "../../src/gateway/write-watch.ts";
import { until } from "./spool-directory.ts";

const LIMIT_MS = 1_000;

/** Two ends of a TCP connection: what the first writes, the other does not read. */
async function pair(t: TestContext): Promise<[writer: Socket, reader: Socket]> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const reader = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  const [writer] = (await once(server, "connection")) as [Socket];
  server.close();
  t.after(() => {
    for (const socket of [writer.on("error", () => {}), reader.on("error", () => {})]) socket.destroy();
  });
  return [writer, reader];
}

test("a client that takes nothing is stalled when the limit is over; its time begins when something waits for it", async (t) => {
  const [writer] = await pair(t);
  const watch = new WriteWatch();
  assert.equal(watch.isStalled(writer, 0, LIMIT_MS), false);
  writer.write(Buffer.alloc(50_000_000));
  // The kernel's buffers grow as they are filled.
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(watch.isStalled(writer, 5_000, LIMIT_MS), false);
  assert.equal(watch.isStalled(writer, 5_500, LIMIT_MS), false);
  assert.equal(watch.isStalled(writer, 5_999, LIMIT_MS), false);
  assert.equal(watch.isStalled(writer, 6_000, LIMIT_MS), true);
});

test("a client that reads slowly behind a full buffer is not stalled, though the kernel takes nothing more for it", async (t) => {
  const LIMIT_LONG_MS = 10_000;
  const READ_BYTES = 100_000;
  const [writer, reader] = await pair(t);
  const watch = new WriteWatch();
  writer.write(Buffer.alloc(50_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = writer.writableLength;
  let taken = 0;
  for (let nowMs = 0; nowMs <= 3 * LIMIT_LONG_MS; nowMs += LIMIT_LONG_MS / 4) {
    assert.equal(watch.isStalled(writer, nowMs, LIMIT_LONG_MS), false, `at ${nowMs}, ${taken} read`);
    for (const until = taken + READ_BYTES; taken < until; await new Promise(setImmediate)) {
      const chunk = reader.read() as Buffer | null;
      taken += chunk?.length ?? 0;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.diagnostic(`${taken} bytes read, ${before - writer.writableLength} taken`);
});

/** A socket of which the kernel has taken some of what waits. */
function waiting(takenBytes: number): Socket {
  return { writableLength: 1_000_000, _handle: { bytesWritten: takenBytes + 1_000_000, writeQueueSize: 1_000_000 } } as unknown as Socket;
}

for (const { name, held, struckMs } of [
  { name: "nothing is known of the kernel's buffer", held: () => undefined, struckMs: 60_000 },
  { name: "the kernel's buffer does not move", held: () => 4_000_000, struckMs: 60_000 },
  { name: "too little of it is delivered", held: (nowMs: number) => 4_000_000 - nowMs * 0.4, struckMs: 60_000 },
  { name: "500 bytes a second are delivered", held: (nowMs: number) => 4_000_000 - nowMs * 0.5, struckMs: undefined },
  { name: "it is delivered for a while", held: (nowMs: number) => 4_000_000 - Math.min(nowMs, 100_000) * 20, struckMs: 159_000 },
]) {
  test(`a minute without a lump, ${name}: ${struckMs === undefined ? "never stalled" : `stalled at ${struckMs / 1000} s`}`, () => {
    const watch = new WriteWatch({ bytesOf: (_socket, nowMs) => held(nowMs) });
    const moments = Array.from({ length: 201 }, (_, index) => index * 1000);
    assert.equal(
      moments.find((nowMs) => watch.isStalled(waiting(4_000_000), nowMs, 60_000)),
      struckMs,
    );
  });
}

test("a client that takes some of one large write is not stalled, and one that has taken everything is not either", async (t) => {
  const BYTES = 50_000_000;
  const [writer, reader] = await pair(t);
  const watch = new WriteWatch();
  writer.write(Buffer.alloc(BYTES));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(watch.isStalled(writer, 0, LIMIT_MS), false);
  let taken = 0;
  reader.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken > BYTES / 2) reader.pause();
  });
  reader.resume();
  await until(() => taken > BYTES / 2);
  assert.ok(writer.writableLength > 0);
  assert.equal(watch.isStalled(writer, LIMIT_MS, LIMIT_MS), false);
  reader.removeAllListeners("data").resume();
  await until(() => writer.writableLength === 0);
  assert.equal(watch.isStalled(writer, 10 * LIMIT_MS, LIMIT_MS), false);
});
