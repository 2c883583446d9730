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
  assert.equal(watch.isStalled(writer, 5_999, LIMIT_MS), false);
  assert.equal(watch.isStalled(writer, 6_000, LIMIT_MS), true);
});

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
