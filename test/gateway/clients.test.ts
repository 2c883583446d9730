import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { clientTerms } from "../../src/gateway/client-terms.ts";
import { Clients } from "../../src/gateway/clients.ts";
import { GatewayLogs } from "../../src/gateway/gateway-logs.ts";
import { readThroughSharedBuffer } from "../../src/gateway/shared-read-buffer.ts";
import type { Way } from "../../src/gateway/worker-pools.ts";
import type { RequestStream } from "../../src/request/exchange.ts";
import type { TlsMaterial } from "../../src/wire/tls-material.ts";
import { HELLO, headers } from "../protocol/http2/frames.ts";
import { packetText } from "../protocol/uwsgi/packets.ts";
import { settingsOf } from "./settings-of.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";
import { MATERIAL } from "./tls-material.ts";

const CA = readFileSync(fileURLToPath(new URL("../certificates/ca.pem", import.meta.url)), "utf8");
const GET = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const UPGRADE = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
const BOTH = ["--http-protocols", "h1,h2", "--http2-cleartext", "both"];
const PRIOR_KNOWLEDGE = ["--http-protocols", "h1,h2", "--http2-cleartext", "prior-knowledge"];
const PROXY = ["--proxy-protocol=auto"];
const FROM_192_0_2_1 = "PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\r\n";

interface Surroundings {
  readonly words?: readonly string[];
  readonly tls?: TlsMaterial;
  readonly way?: Way;
  /** The listener's address. */
  readonly host?: string;
}

/** Clients on real connections; each request is answered with `hello`. */
class World {
  readonly clients: Clients;
  readonly requests: RequestStream[] = [];
  left = 0;
  crowded = false;
  port = 0;
  readonly #errors: string;

  private constructor(directory: string, { words = [], tls, way = "pull" }: Surroundings) {
    this.#errors = join(directory, "error.log");
    const settings = settingsOf([...words, "--error-logfile", this.#errors]);
    const logs = new GatewayLogs(settings, "", { connected: false });
    this.clients = new Clients(clientTerms(settings, tls, way), logs, {
      handle: (stream) => {
        this.requests.push(stream);
        stream.sink.respond(
          { status: "200 OK", fieldLines: "Content-Length: 5\r\n", contentLength: 5, close: false },
          Buffer.from("hello"),
        );
      },
      isCrowded: () => this.crowded,
      left: () => this.left++,
    });
  }

  static async start(t: TestContext, surroundings: Surroundings = {}): Promise<World> {
    const world = new World(temporaryDirectory(t), surroundings);
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
      const socket = world.clients.speakTls ? raw : readThroughSharedBuffer(raw);
      const host = surroundings.host ?? "127.0.0.1";
      world.clients.accept(socket, { index: 0, count: 1, kind: "tcp", host, port: world.port, path: "" });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    world.port = (server.address() as AddressInfo).port;
    t.after(() => server.close());
    return world;
  }

  get errorLines(): string {
    return readFileSync(this.#errors, "utf8").replace(/^\[[^\]]*\] \[\d+\] /gm, "");
  }

  /** What is due in five seconds is done. @returns true when nobody is left. */
  readonly emptiedBySweeps = (): boolean => {
    this.clients.sweep(this.clients.now() + 5_000);
    return this.clients.size === 0;
  };

  /** Who asked last, and what. */
  get last(): string {
    const { protocol, target, peer } = this.requests.at(-1)?.head ?? assert.fail("there was a request");
    return `${protocol} ${target} from ${peer.remoteAddress}`;
  }

  /** Sends bytes over a connection of its own. @returns What has come when the answer has, or the connection's end. */
  async ask(t: TestContext, bytes: string | Buffer, socket: Socket = connect(this.port, "127.0.0.1")): Promise<string> {
    t.after(() => socket.destroy());
    let seen = "";
    let ended = false;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.latin1Slice();
    });
    socket.on("close", () => {
      ended = true;
    });
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    await until(() => seen.includes("hello") || seen.includes("</html>") || ended);
    return seen;
  }

  tlsSocket(protocols: string[]): Socket {
    return connectTls({ host: "127.0.0.1", port: this.port, servername: "localhost", ca: CA, ALPNProtocols: protocols });
  }
}

for (const { name, words, bytes, asked } of [
  { name: "HTTP/1", words: [], bytes: GET, asked: "HTTP/1.1 /a from 127.0.0.1" },
  { name: "HTTP/1 where HTTP/2 may be spoken too", words: BOTH, bytes: GET, asked: "HTTP/1.1 /a from 127.0.0.1" },
  { name: "HTTP/2 by its preface", words: BOTH, bytes: Buffer.concat([HELLO, headers(1)]), asked: "HTTP/2.0 / from 127.0.0.1" },
  { name: "HTTP/2 by an upgrade", words: BOTH, bytes: Buffer.concat([Buffer.from(UPGRADE), HELLO]), asked: "HTTP/2.0 /a from 127.0.0.1" },
  { name: "HTTP/1 behind a PROXY header", words: PROXY, bytes: `${FROM_192_0_2_1}${GET}`, asked: "HTTP/1.1 /a from 192.0.2.1" },
  {
    name: "HTTP/2 behind a PROXY header",
    words: [...PROXY, ...BOTH],
    bytes: Buffer.concat([Buffer.from(FROM_192_0_2_1), HELLO, headers(1)]),
    asked: "HTTP/2.0 / from 192.0.2.1",
  },
  {
    name: "uwsgi",
    words: ["--protocol", "uwsgi"],
    bytes: packetText({
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/a",
      PATH_INFO: "/a",
      QUERY_STRING: "",
      SERVER_PROTOCOL: "HTTP/1.1",
      HTTP_HOST: "h",
    }),
    asked: "HTTP/1.1 /a from 127.0.0.1",
  },
]) {
  test(`a client that speaks ${name} is answered, and forgotten when it has gone`, async (t) => {
    const world = await World.start(t, { words });
    const socket = connect(world.port, "127.0.0.1");
    assert.match(await world.ask(t, bytes, socket), /hello/);
    assert.deepEqual([world.last, world.clients.size, world.left], [asked, 1, 0]);
    socket.destroy();
    await until(() => world.clients.size === 0);
    assert.equal(world.left, 1);
    assert.deepEqual([world.clients.traffic.counts.connections, world.clients.traffic.counts.requests[2], world.errorLines], [1, 1, ""]);
  });
}

test("a client that is not trusted speaks HTTP/1, whatever its first bytes are", async (t) => {
  const world = await World.start(t, { words: [...BOTH, "--forwarded-allow-ips", "192.0.2.1"] });
  assert.match(await world.ask(t, HELLO), /^HTTP\/1\.1 400 /);
  assert.equal(world.requests.length, 0);
});

test("HTTP/1 where nothing but HTTP/2 is spoken is refused in HTTP/1", async (t) => {
  const world = await World.start(t, { words: PRIOR_KNOWLEDGE });
  assert.match(await world.ask(t, GET), /^HTTP\/1\.1 400 .*Invalid HTTP\/2 connection preface/s);
  assert.match(world.errorLines, /^\[WARNING\] Invalid request from ip=127\.0\.0\.1: Invalid HTTP\/2 connection preface\n$/);
});

test("a PROXY header that is broken is refused with a page", async (t) => {
  const world = await World.start(t, { words: PROXY });
  assert.match(await world.ask(t, "PROXY TCP4 nonsense\r\n"), /^HTTP\/1\.1 400 /);
  assert.equal(world.requests.length, 0);
});

for (const protocols of [["http/1.1"], []]) {
  test(`by TLS, with ALPN ${JSON.stringify(protocols)}: HTTP/1`, async (t) => {
    const world = await World.start(t, { words: ["--http-protocols", "h1,h2"], tls: MATERIAL });
    assert.match(await world.ask(t, GET, world.tlsSocket(protocols)), /hello$/);
    assert.deepEqual([world.last, world.requests[0]?.head.peer.secure], ["HTTP/1.1 /a from 127.0.0.1", true]);
  });
}

test("by TLS, with ALPN h2: HTTP/2", async (t) => {
  const world = await World.start(t, { words: ["--http-protocols", "h1,h2"], tls: MATERIAL });
  const session = connectHttp2(`https://localhost:${world.port}`, { createConnection: () => world.tlsSocket(["h2"]) });
  t.after(() => session.destroy());
  const request = session.request({ ":path": "/a" });
  assert.equal(String((await once(request, "data"))[0]), "hello");
  assert.equal(world.last, "HTTP/2.0 /a from 127.0.0.1");
});

test("a PROXY header before the handshake: the client is the one that it names", async (t) => {
  const world = await World.start(t, { words: PROXY, tls: MATERIAL });
  const raw = connect(world.port, "127.0.0.1");
  raw.write(FROM_192_0_2_1);
  assert.match(await world.ask(t, GET, connectTls({ socket: raw, servername: "localhost", ca: CA })), /hello$/);
  assert.equal(world.last, "HTTP/1.1 /a from 192.0.2.1");
});

test("a PROXY header before the handshake that is broken: nothing can be said, the connection is closed", async (t) => {
  const world = await World.start(t, { words: PROXY, tls: MATERIAL });
  assert.equal(await world.ask(t, "PROXY TCP4 nonsense\r\n"), "");
  await until(() => world.left === 1);
  assert.match(world.errorLines, /^\[WARNING\] Invalid request from ip=127\.0\.0\.1: /);
  assert.equal(world.clients.size, 0);
});

for (const { way, host, acceptedOn } of [
  { way: "asgi", host: "0.0.0.0", acceptedOn: "127.0.0.1" },
  { way: "asgi", host: "127.0.0.1", acceptedOn: undefined },
  { way: "pull", host: "0.0.0.0", acceptedOn: undefined },
] as const) {
  test(`${way} workers behind ${host}: the address that was reached is ${acceptedOn ?? "not looked up"}`, async (t) => {
    const world = await World.start(t, { way, host });
    await world.ask(t, GET);
    assert.equal(world.requests[0]?.head.peer.acceptedOn, acceptedOn);
  });
}

test("new terms are for clients that come", async (t) => {
  const world = await World.start(t);
  const before = connect(world.port, "127.0.0.1");
  await world.ask(t, GET, before);
  world.clients.change(clientTerms(settingsOf(BOTH), undefined, "pull"));
  assert.match(await world.ask(t, GET, before), /hello$/);
  await world.ask(t, Buffer.concat([HELLO, headers(1)]));
  assert.equal(world.last, "HTTP/2.0 / from 127.0.0.1");
});

test("where there is no room, and when the server stops, idle clients go sooner", async (t) => {
  const world = await World.start(t, { words: ["--keep-alive", "60"] });
  const sockets = [connect(world.port, "127.0.0.1"), connect(world.port, "127.0.0.1")] as const;
  for (const socket of sockets) await world.ask(t, GET, socket);
  world.clients.sweep(world.clients.now() + 5_000);
  assert.deepEqual([world.clients.size, world.left], [2, 0]);
  world.crowded = true;
  await until(world.emptiedBySweeps);
  world.crowded = false;
  const third = connect(world.port, "127.0.0.1");
  await world.ask(t, GET, third);
  world.clients.drainingSinceMs = world.clients.now();
  await until(world.emptiedBySweeps);
  assert.equal(world.left, 3);
});

test("abandon: everyone is cut off", async (t) => {
  const world = await World.start(t, { words: BOTH });
  const silent = connect(world.port, "127.0.0.1");
  t.after(() => silent.destroy());
  await until(() => world.clients.size === 1);
  world.clients.abandon();
  await until(() => world.clients.size === 0);
});

test("the date is made anew when it is told to", async (t) => {
  const { clients } = await World.start(t);
  clients.date = "";
  clients.tellTime();
  assert.match(clients.date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
});
