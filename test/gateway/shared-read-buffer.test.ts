import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { readThroughSharedBuffer } from "../../src/gateway/shared-read-buffer.ts";
import { until } from "./spool-directory.ts";

interface WithHandle {
  readonly _handle: unknown;
}

/** A connection: the client's end, the accepted socket, and the one that reads through the buffer. */
async function connected(t: TestContext): Promise<{ client: Socket; accepted: Socket; socket: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  const next = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const accepted = await next;
  server.close();
  const socket = readThroughSharedBuffer(accepted);
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  return { client, accepted, socket };
}

/** What a socket has emitted: copies, for a chunk is only valid until its listeners return. */
function collect(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
  return chunks;
}

test("sockets that share the buffer do not see each other's bytes", async (t) => {
  const [one, two] = [await connected(t), await connected(t)];
  const [ofOne, ofTwo] = [collect(one.socket), collect(two.socket)];
  one.client.write("first of one");
  await until(() => ofOne.length === 1);
  two.client.write("FIRST OF TWO");
  await until(() => ofTwo.length === 1);
  assert.deepEqual([ofOne.join(), ofTwo.join()], ["first of one", "FIRST OF TWO"]);
});

test("bytes of many sockets at once, in pieces of any size, arrive whole and in order", async (t) => {
  const pairs = [await connected(t), await connected(t), await connected(t)];
  const kept = pairs.map(({ socket }) => collect(socket));
  const sent = pairs.map(() => [] as Buffer[]);
  const piece = fc.tuple(fc.nat(pairs.length - 1), fc.integer({ min: 1, max: 200_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
      for (const [at, bytes] of pieces) {
        const content = Buffer.alloc(bytes, `${at}:${bytes} `);
        sent[at]?.push(content);
        pairs[at]?.client.write(content);
      }
      for (const [at, chunks] of kept.entries()) {
        const expected = Buffer.concat(sent[at] ?? []);
        await until(() => chunks.reduce((sum, { length }) => sum + length, 0) >= expected.length);
        assert.ok(Buffer.concat(chunks).equals(expected));
        chunks.length = 0;
        sent[at] = [];
      }
    }),
    { numRuns: 30 },
  );
});

test("a client that has sent FIN is still answered", async (t) => {
  const { client, socket } = await connected(t);
  let ended = false;
  socket.on("end", () => {
    ended = true;
  });
  const asked = collect(socket);
  const answered = collect(client);
  client.end("question");
  await until(() => ended);
  socket.end("answer");
  await until(() => client.destroyed || answered.length > 0);
  assert.deepEqual([asked.join(), answered.join()], ["question", "answer"]);
});

test("a paused socket emits nothing until it is resumed", async (t) => {
  const { client, socket } = await connected(t);
  const chunks = collect(socket);
  client.write("a");
  await until(() => chunks.length === 1);
  socket.pause();
  const other = await connected(t);
  const witness = collect(other.socket);
  await new Promise<void>((resolve) => client.write("b", () => resolve()));
  // Sent later and read: had the paused socket been polled, it would have been read by now.
  for (let i = 1; i <= 3; i++) {
    other.client.write("w");
    await until(() => Buffer.concat(witness).length === i);
  }
  assert.equal(chunks.join(""), "a");
  socket.resume();
  await until(() => chunks.join("") === "ab");
});

test("the accepted socket is left empty: its end does not touch the connection", async (t) => {
  const { client, accepted, socket } = await connected(t);
  assert.equal((accepted as unknown as WithHandle)._handle, null);
  accepted.destroy();
  const chunks = collect(socket);
  client.write("still here");
  await until(() => chunks.length === 1);
  assert.equal(chunks.join(), "still here");
});
