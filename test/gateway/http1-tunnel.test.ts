import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Http1Tunnel } from "../../src/gateway/http1-tunnel.ts";
import type { TunnelUser } from "../../src/request/exchange.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";
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
  onGone(): void {
    this.seen.push("(gone)");
  }
}

/** A tunnel on one end of a connection, whose events the test hands on as a connection does. */
async function stage(t: TestContext, rest: string | null = "") {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const client = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1", allowHalfOpen: true });
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
  const traffic = new Traffic();
  const first: string[] = [];
  const tunnel = new Http1Tunnel(socket, user, traffic, {
    onFirstBytes: (bytes) => first.push(bytes.toString()),
    onOver: (ending) => {
      endings.push(ending);
      if (ending === "cut") socket.destroy();
      else socket.end();
    },
  });
  if (rest !== null) tunnel.begin(Buffer.from(rest));
  socket.on("data", (chunk: Buffer) => tunnel.receive(chunk));
  socket.on("drain", () => tunnel.drained());
  socket.on("end", () => tunnel.clientEnded());
  socket.on("error", () => {});
  socket.on("close", () => tunnel.close());
  return { client, socket, user, endings, tunnel, first, received: () => received };
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
  assert.deepEqual([user.seen, endings], [["held", "(end)"], []]);
});

test("before the request is complete nothing is read through it, and much may be written", async (t) => {
  const { tunnel, user, socket, first, received } = await stage(t, null);
  tunnel.resume();
  tunnel.pause();
  tunnel.resume();
  tunnel.write("an");
  tunnel.write(Buffer.from("swer"));
  await until(() => received() === "answer");
  assert.deepEqual([first, user.seen, tunnel.flows, socket.isPaused()], [["an"], [], false, false]);
  tunnel.begin(Buffer.from("rest"));
  assert.deepEqual([user.seen, tunnel.flows], [["rest"], true]);
});

test("our end, and the client's bytes go on", async (t) => {
  const { client, tunnel, user } = await stage(t);
  const ended = new Promise((resolve) => client.once("end", resolve));
  tunnel.resume();
  tunnel.write("last words");
  tunnel.finishWriting();
  await ended;
  client.write("more");
  await until(() => user.seen.includes("more"));
});

test("a tunnel that its connection closes", async (t) => {
  const { tunnel, user, endings } = await stage(t, "rest");
  tunnel.close();
  tunnel.close();
  tunnel.resume();
  tunnel.finishWriting();
  tunnel.end();
  tunnel.begin(Buffer.from("more"));
  assert.deepEqual([user.seen, endings, tunnel.write("x"), tunnel.sentBytes], [["(gone)"], [], true, 0]);
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
  client.resetAndDestroy();
  await until(() => socket.destroyed && user.seen.length > 0);
  assert.deepEqual([user.seen.at(-1), user.seen.filter((what) => what === "(gone)").length, endings], ["(gone)", 1, []]);
});
