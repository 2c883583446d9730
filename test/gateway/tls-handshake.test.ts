import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { type HandshakeHost, TlsHandshake } from "../../src/gateway/tls-handshake.ts";
import type { Peer } from "../../src/request/request-head.ts";
import { until } from "./spool-directory.ts";
import { termsOf } from "./tls-material.ts";

const PEER: Peer = {
  remoteAddress: "127.0.0.1",
  remotePort: 1,
  serverName: "127.0.0.1",
  serverPort: 2,
  trusted: false,
  secure: true,
};
const CA = readFileSync(fileURLToPath(new URL("../certificates/ca.pem", import.meta.url)), "utf8");

/** A server whose connections begin with a handshake, and what happened to them, in words. */
class World implements HandshakeHost {
  readonly happened: string[] = [];
  readonly handshakes: TlsHandshake[] = [];
  drainingSinceMs: number | undefined;
  nowMs = 0;
  readonly #server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    this.handshakes.push(new TlsHandshake(socket, PEER, termsOf({}), this));
  });

  constructor(t: TestContext) {
    t.after(() => {
      for (const handshake of this.handshakes) handshake.abandon();
      this.#server.close();
    });
  }

  async port(): Promise<number> {
    if (!this.#server.listening) await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async silentClient(t: TestContext): Promise<Socket> {
    const socket = connect(await this.port(), "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    await until(() => this.handshakes.length > 0);
    return socket;
  }

  now(): number {
    return this.nowMs;
  }

  handshakeEnded(_: TlsHandshake, socket: Socket, peer: Peer): void {
    this.happened.push(`ended ${peer.tls?.version} ${peer.tls?.clientName}`);
    socket.on("data", (chunk) => socket.end(`heard ${chunk}`));
  }

  closed(): void {
    this.happened.push("closed");
  }

  limitReached(limit: string, limitMs: number): void {
    this.happened.push(`${limit} ${limitMs}`);
  }

  refused(_: string, reason: string): void {
    this.happened.push(`refused ${reason}`);
  }

  fault(error: unknown): void {
    throw error;
  }
}

test("a handshake ends with a socket that speaks, and what was agreed upon", async (t) => {
  const world = new World(t);
  const client = connectTls({ host: "127.0.0.1", port: await world.port(), servername: "localhost", ca: CA });
  client.write("hello");
  const [answer] = await once(client, "data");
  assert.equal(String(answer), "heard hello");
  assert.deepEqual(world.happened, ["ended TLSv1.3 undefined"]);
  client.destroy();
});

test("what is no TLS is refused with OpenSSL's words", async (t) => {
  const world = new World(t);
  (await world.silentClient(t)).write("GET / HTTP/1.1\r\n\r\n");
  await until(() => world.happened.includes("closed"));
  assert.deepEqual(world.happened, ["refused [SSL: HTTP_REQUEST] http request", "closed"]);
});

test("who leaves is no news", async (t) => {
  const world = new World(t);
  (await world.silentClient(t)).destroy();
  await until(() => world.happened.includes("closed"));
  assert.deepEqual(world.happened, ["closed"]);
});

test("a silent client meets the limit, with its name", async (t) => {
  const world = new World(t);
  await world.silentClient(t);
  world.handshakes[0]?.sweep(9999);
  assert.deepEqual(world.happened, []);
  world.handshakes[0]?.sweep(10_000);
  await until(() => world.happened.includes("closed"));
  assert.deepEqual(world.happened, ["handshake-timeout 10000", "closed"]);
});

test("a stop waits a quarter of a second", async (t) => {
  const world = new World(t);
  await world.silentClient(t);
  world.drainingSinceMs = 1000;
  world.handshakes[0]?.sweep(1249);
  assert.deepEqual(world.happened, []);
  world.handshakes[0]?.sweep(1250);
  await until(() => world.happened.includes("closed"));
  assert.deepEqual(world.happened, ["closed"]);
});
