import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Http1Tunnel } from "../../src/gateway/http1-tunnel.ts";
import type { TunnelUser } from "../../src/request/exchange.ts";
import { until } from "./spool-directory.ts";

class NotedUser implements TunnelUser {
  readonly seen: string[] = [];
  onBytes(chunk: Buffer): void {
    this.seen.push(chunk.toString());
  }
  onDrain(): void {
    this.seen.push("(drain)");
  }
  onEnd(): void {
    this.seen.push("(end)");
  }
}

/** A tunnel on one end of a connection, whose events the test hands on as a connection does. */
async function stage(t: TestContext, rest = "") {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const client = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1" });
  const socket = await accepted;
  server.close();
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  let received = "";
  client.on("data", (data: Buffer) => {
    received += data.latin1Slice();
  });
  const user = new NotedUser();
  const endings: string[] = [];
  const tunnel = new Http1Tunnel(socket, user, Buffer.from(rest), (ending) => {
    endings.push(ending);
    if (ending === "cut") socket.destroy();
    else socket.end();
  });
  socket.on("data", (chunk: Buffer) => tunnel.receive(chunk));
  socket.on("drain", () => tunnel.drained());
  socket.on("end", () => tunnel.clientEnded());
  socket.on("close", () => tunnel.clientEnded());
  return { client, socket, user, endings, tunnel, received: () => received };
}

test("what was held comes first, and only after resume", async (t) => {
  const { client, tunnel, user } = await stage(t, "held");
  client.write("later");
  assert.deepEqual(user.seen, []);
  tunnel.resume();
  await until(() => user.seen.join("") === "heldlater");
});

test("a client that has ended before resume: its bytes, then its end", async (t) => {
  const { tunnel, user, endings } = await stage(t, "held");
  tunnel.clientEnded();
  assert.deepEqual([user.seen, endings], [[], []]);
  tunnel.resume();
  assert.deepEqual([user.seen, endings], [["held", "(end)"], ["left"]]);
});

test("short texts and buffers keep their order, and their bytes are counted", async (t) => {
  const { tunnel, received } = await stage(t);
  tunnel.resume();
  tunnel.write("a\xff");
  tunnel.write("b");
  tunnel.write(Buffer.from("buffer"));
  tunnel.write("c");
  assert.equal(tunnel.sentBytes, 10);
  await until(() => received() === "a\xffbbufferc");
});

test("what was written before the end still leaves", async (t) => {
  const { client, tunnel, endings, user, received } = await stage(t);
  const ended = new Promise((resolve) => client.once("end", resolve));
  tunnel.resume();
  tunnel.write("last words");
  tunnel.end();
  tunnel.cut();
  tunnel.write("too late");
  await ended;
  assert.deepEqual([received(), endings, user.seen], ["last words", ["end"], []]);
});

test("a client that reads nothing is told of by write, and by onDrain when it reads again", async (t) => {
  const { client, tunnel, user } = await stage(t);
  tunnel.resume();
  client.pause();
  let texts = 0;
  while (tunnel.write("x".repeat(16384))) texts++;
  assert.ok(texts > 0 && texts < 10_000);
  client.resume();
  await until(() => user.seen.includes("(drain)"));
  assert.equal(tunnel.write("more"), true);
});

test("nothing is read while it is paused", async (t) => {
  const { client, tunnel, user } = await stage(t);
  tunnel.resume();
  client.write("one");
  await until(() => user.seen.length === 1);
  tunnel.pause();
  client.write("two");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(user.seen, ["one"]);
  tunnel.resume();
  await until(() => user.seen.length === 2);
});

test("a client that goes is told of once", async (t) => {
  const { client, tunnel, user, endings, socket } = await stage(t);
  tunnel.resume();
  client.destroy();
  await until(() => socket.destroyed);
  assert.deepEqual([user.seen, endings], [["(end)"], ["left"]]);
});
