import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectionHost, Http1Connection } from "../../src/gateway/http1-connection.ts";
import type { Http1Exchange } from "../../src/gateway/http1-exchange.ts";
import type { ConnectionLimits, TimeLimit } from "../../src/gateway/limits-from-settings.ts";
import { type Http1Policy, http1Policy } from "../../src/protocol/http1/policy.ts";
import type { Upgrade } from "../../src/protocol/http2/h2c-upgrade.ts";
import type { BodyEnd, ConnectionTunnel, RequestStream, Tunnel, TunnelUser } from "../../src/request/exchange.ts";
import type { Peer } from "../../src/request/request-head.ts";
import { ConnectionServer, type Handler } from "./connection-server.ts";
import { PEER } from "./memory-exchange.ts";
import { until } from "./spool-directory.ts";

const POLICY: Http1Policy = http1Policy({
  limitRequestLine: 4094,
  limitRequestFields: 100,
  limitRequestFieldSize: 8190,
  permitObsoleteFolding: false,
  stripHeaderSpaces: false,
  permitUnconventionalHttpMethod: false,
  permitUnconventionalHttpVersion: false,
  casefoldHttpMethod: false,
  headerMap: "drop",
  forwarderHeaders: new Set(),
  secureSchemeHeaders: new Map(),
});

const answer =
  (text: string): Handler =>
  (stream) => {
    const body = Buffer.from(text);
    stream.sink.respond(
      { status: "200 OK", fieldLines: `Content-Length: ${body.length}\r\n`, contentLength: body.length, close: false },
      body,
    );
  };

class Server extends ConnectionServer<Http1Connection> implements ConnectionHost {
  readonly policy = POLICY;
  upgradesToHttp2 = false;
  /** Connections that went on in HTTP/2, and what the client had sent behind its request. */
  readonly upgrades: { peer: Peer; upgrade: Upgrade; rest: string }[] = [];

  /** @param earlierMs  How long before now each connection began. */
  static async start(
    t: TestContext,
    handler: Handler,
    limits: Partial<ConnectionLimits> = {},
    peer: Peer = PEER,
    earlierMs = 0,
  ): Promise<Server> {
    const host = new Server(handler, limits);
    await host.listen(
      t,
      { allowHalfOpen: true, noDelay: true },
      (socket) => new Http1Connection(socket, peer, host, undefined, host.nowMs - earlierMs),
      () => {
        for (const connection of host.connections) connection.destroy();
      },
    );
    return host;
  }

  upgraded(connection: Http1Connection, socket: Socket, peer: Peer, upgrade: Upgrade, rest: Buffer): void {
    this.connections.delete(connection);
    this.upgrades.push({ peer, upgrade, rest: rest.latin1Slice() });
    socket.end("switched");
  }
  log(exchange: Http1Exchange): void {
    this.logged.push(`${exchange.head.target} ${exchange.status}`);
  }
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void {
    this.struck.push(`${limit} ${limitMs} ${remoteAddress}`);
  }

  /** The server begins to stop. */
  drain(): void {
    this.drainingSinceMs = this.nowMs;
  }

  async connect(t: TestContext): Promise<Client> {
    const before = this.connections.size;
    const socket = connect({ port: this.port, host: "127.0.0.1", allowHalfOpen: true });
    t.after(() => socket.destroy());
    const client = new Client(socket);
    await until(() => this.connections.size > before);
    return client;
  }
}

class Client {
  readonly socket: Socket;
  text = "";
  ended = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
  }

  get(path: string): this {
    return this.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  async sees(text: string | RegExp): Promise<void> {
    await until(() => (typeof text === "string" ? this.text.includes(text) : text.test(this.text)));
  }

  count(text: string): number {
    return this.text.split(text).length - 1;
  }
}

/** Collects a request's body. */
function readBody(stream: RequestStream): { text: () => string; end: () => BodyEnd | undefined } {
  const chunks: Buffer[] = [];
  let ended: BodyEnd | undefined;
  stream.readBody({
    onChunk: (chunk) => chunks.push(chunk),
    onEnd: (end) => {
      ended = end;
    },
  });
  return { text: () => Buffer.concat(chunks).toString(), end: () => ended };
}

test("keep-alive: one request after another, and the connection is closed when it has been idle", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const client = await server.connect(t);
  await client.get("/1").sees("hi");
  await client.get("/2").sees(/hi.*hi/s);
  assert.ok(!client.text.includes("Connection: close"));
  server.pass(4_999);
  assert.equal(client.ended, false);
  server.pass(1);
  await until(() => client.ended);
  assert.deepEqual(server.logged, ["/1 200", "/2 200"]);
  assert.deepEqual(server.struck, ["idle-timeout 5000 192.0.2.1"]);
});

test("a client that ends its half while a finished answer is still on its way gets all of it", async (t) => {
  const body = "x".repeat(16_000_000);
  const server = await Server.start(t, answer(body));
  const client = await server.connect(t);
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  await until(() => server.logged.length === 1);
  client.socket.end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.resume();
  await until(() => client.ended || client.error !== undefined);
  assert.equal(client.text.length - client.text.indexOf("x".repeat(100)), body.length);
  await until(() => server.connections.size === 0);
});

test("a body that nobody reads any more may stay away while the answer is still being given", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => {
    stream.readBody({ onChunk: () => stream.pauseBody(), onEnd: () => {} });
    stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
    streams.push(stream);
  });
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nfirst");
  await client.sees("200 OK");
  streams[0]?.dropBody();
  server.pass(0);
  server.pass(200_000);
  streams[0]?.sink.body(Buffer.from("late"));
  streams[0]?.sink.end();
  await client.sees("late\r\n0\r\n\r\n");
  client.send("x".repeat(995)).get("/next");
  await until(() => streams.length === 2);
  assert.deepEqual(server.struck, []);
});

test("a trusted peer's connection may idle for longer", async (t) => {
  const server = await Server.start(t, answer("hi"), {}, { ...PEER, trusted: true });
  const client = await server.connect(t);
  await client.get("/1").sees("hi");
  server.pass(74_999);
  await client.get("/2").sees(/hi.*hi/s);
  server.pass(75_000);
  await until(() => client.ended);
  assert.deepEqual(server.struck, ["idle-timeout 75000 192.0.2.1"]);
});

test("when there is no room for others, idle and silent connections make some; busy ones stay", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => streams.push(stream), {}, { ...PEER, trusted: true });
  const [idle, silent, busy] = [await server.connect(t), await server.connect(t), await server.connect(t)];
  idle.get("/idle");
  await until(() => streams.length === 1);
  answer("hi")(streams[0]!);
  await idle.sees("hi");
  busy.get("/busy");
  await until(() => streams.length === 2);
  server.crowded = true;
  server.pass(1_999);
  assert.deepEqual([idle.ended, silent.ended], [false, false]);
  server.pass(1);
  await until(() => idle.ended && silent.ended);
  answer("late")(streams[1]!);
  await busy.sees("late");
});

for (const { who, trusted } of [
  { who: "anybody's", trusted: false },
  { who: "a trusted peer's", trusted: true },
]) {
  test(`without keep-alive ${who} connection is closed after the response, which says so`, async (t) => {
    const server = await Server.start(t, answer("hi"), { idleMs: 0, proxyIdleMs: 0 }, { ...PEER, trusted });
    const client = await server.connect(t);
    client.get("/1");
    await until(() => client.ended);
    assert.match(client.text, /Connection: close\r\n.*hi$/s);
  });
}

for (const { name, later } of [
  { name: "at once", later: false },
  { name: "in a later turn", later: true },
]) {
  test(`ten thousand pipelined requests in one write, answered ${name}`, async (t) => {
    let answered = 0;
    const server = await Server.start(t, (stream) => {
      const go = () => {
        answered++;
        answer(`<${stream.head.target}>`)(stream);
      };
      if (later) setImmediate(go);
      else go();
    });
    const client = await server.connect(t);
    const COUNT = 10_000;
    client.send(Array.from({ length: COUNT }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: h\r\n\r\n`).join(""));
    await until(() => answered === COUNT);
    await client.sees(`</${COUNT - 1}>`);
    assert.deepEqual(
      [...client.text.matchAll(/<\/(\d+)>/g)].map(([, i]) => Number(i)),
      Array.from({ length: COUNT }, (_, i) => i),
    );
  });
}

test("half-close: all pipelined requests are answered, then the connection ends", async (t) => {
  const server = await Server.start(t, (stream) => setImmediate(() => answer(`<${stream.head.target}>`)(stream)));
  const client = await server.connect(t);
  client.get("/1").get("/2").get("/3").socket.end();
  await until(() => client.ended);
  assert.equal(client.count("200 OK"), 3);
  await until(() => server.connections.size === 0);
});

const PARTS = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

test("FIN behind any byte of a request: an end, never an exception", async (t) => {
  const server = await Server.start(t, (stream) => {
    const body = readBody(stream);
    const wait = () => (body.end() === undefined ? setImmediate(wait) : answer(`${body.text()} ${body.end()}`)(stream));
    wait();
  });
  for (let cut = 0; cut <= PARTS.length; cut++) {
    const client = await server.connect(t);
    client.socket.end(PARTS.slice(0, cut));
    await until(() => client.ended);
    const bodyBytes = cut - (PARTS.length - 5);
    if (bodyBytes < 0) assert.equal(client.text, "");
    else assert.ok(client.text.endsWith(`${"hello".slice(0, bodyBytes)} ${bodyBytes === 5 ? "complete" : "short"}`));
    await until(() => server.connections.size === 0);
  }
});

test("RST while a request is being answered: its handler hears of it, once", async (t) => {
  let left = 0;
  let handled = false;
  const server = await Server.start(t, (stream) => {
    stream.onClientLeft = () => left++;
    handled = true;
  });
  const client = await server.connect(t);
  client.get("/");
  await until(() => handled);
  client.socket.resetAndDestroy();
  await until(() => left === 1 && server.connections.size === 0);
});

test("FIN inside a chunked body: the handler hears that its client has gone", async (t) => {
  let left = 0;
  const server = await Server.start(t, (stream) => {
    readBody(stream);
    stream.onClientLeft = () => left++;
  });
  const client = await server.connect(t);
  client.socket.end("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  await until(() => client.ended && left === 1);
  assert.equal(client.text, "");
});

test("a head that does not come in time: 408", async (t) => {
  const server = await Server.start(t, answer("hi"), { headMs: 1_000 });
  const client = await server.connect(t);
  client.send("GET / HT");
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.pass(999);
  assert.equal(client.text, "");
  server.pass(1);
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1.1 408 /);
  assert.deepEqual(server.struck, ["head-timeout 1000 192.0.2.1"]);
});

test("a head that comes a byte at a time has no more time than another", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const client = await server.connect(t);
  for (let second = 0; second < 59; second++) {
    client.send(second === 0 ? "GET / HTTP/1.1\r\nX: " : "x");
    await new Promise((resolve) => setTimeout(resolve, 5));
    server.pass(1_000);
  }
  assert.equal(client.text, "");
  server.pass(1_000);
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1.1 408 /);
});

test("a client that never sends anything is closed without a word", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const client = await server.connect(t);
  server.pass(60_000);
  await until(() => client.ended);
  assert.equal(client.text, "");
  assert.deepEqual(server.struck, ["head-timeout 60000 192.0.2.1"]);
});

for (const { name, secondBytes } of [
  { name: "stops coming", secondBytes: 0 },
  { name: "comes a few bytes at a time", secondBytes: 400 },
]) {
  test(`a body that ${name}: 408, and the handler hears that its client has gone`, async (t) => {
    let left = 0;
    let seen = 0;
    const server = await Server.start(t, (stream) => {
      stream.readBody({
        onChunk: (chunk) => {
          seen += chunk.length;
        },
        onEnd: () => {},
      });
      stream.onClientLeft = () => left++;
    });
    const client = await server.connect(t);
    client.send("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nx");
    await until(() => seen === 1);
    for (let second = 1; second < 60; second++) {
      client.send("x".repeat(secondBytes));
      await until(() => seen === 1 + second * secondBytes);
      server.pass(1_000);
    }
    assert.deepEqual([client.text, left], ["", 0]);
    server.pass(1_000);
    await until(() => client.ended);
    assert.match(client.text, /^HTTP\/1.1 408 Request Timeout\r\nConnection: close/);
    assert.equal(left, 1);
    assert.deepEqual([server.struck, server.logged], [["body-timeout 60000 192.0.2.1"], ["/up 408"]]);
  });
}

test("a body that comes slowly but steadily is left alone, and so is one that is not read for a while", async (t) => {
  let seen = 0;
  let stream: RequestStream | undefined;
  const server = await Server.start(t, (request) => {
    stream = request;
    request.readBody({
      onChunk: (chunk) => {
        seen += chunk.length;
      },
      onEnd: () => answer("all")(request),
    });
  });
  const client = await server.connect(t);
  client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${200 * 600}\r\n\r\n`);
  for (let second = 1; second < 200; second++) {
    client.send("x".repeat(600));
    await until(() => seen === second * 600);
    server.pass(1_000);
  }
  stream?.pauseBody();
  for (let minute = 0; minute < 10; minute++) server.pass(59_000);
  stream?.resumeBody();
  server.pass(59_000);
  await client.send("x".repeat(600)).sees("all");
  assert.deepEqual(server.struck, []);
});

test("a body that stops coming when the response has begun: the connection is cut", async (t) => {
  const server = await Server.start(t, (stream) => {
    readBody(stream);
    stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
    stream.sink.body(Buffer.from("begun"));
  });
  const client = await server.connect(t);
  await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx").sees("begun");
  server.pass(0);
  server.pass(60_000);
  await until(() => client.ended || client.error !== undefined);
  assert.ok(!client.text.includes("408") && !client.text.endsWith("0\r\n\r\n"));
});

test("the time for the first request runs from when the connection began, not from when its PROXY header had been read", async (t) => {
  const server = await Server.start(t, answer("hi"), { headMs: 1_000 }, PEER, 400);
  const client = await server.connect(t);
  server.pass(599);
  assert.equal(server.connections.size, 1);
  assert.equal(client.ended, false);
  server.pass(1);
  await until(() => client.ended);
});

test("a refusal in the middle of a large upload is seen by the client", async (t) => {
  const server = await Server.start(t, (stream) => stream.sink.refuse(503, "Service Unavailable", "full"));
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n");
  client.send(Buffer.alloc(40_000));
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1.1 503 Service Unavailable\r\nConnection: close/);
  client.socket.end();
  await until(() => server.connections.size === 0);
  assert.equal(client.error, undefined);
});

for (const garbage of [
  "\x16\x03\x01",
  "GET\r\n\r\n",
  "GET / HTTP/1.1\r\nA b: c\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
  "GET / HTTP/1.1\nHost: h\n\n",
]) {
  test(`a broken head is refused and the connection closed: ${JSON.stringify(garbage)}`, async (t) => {
    const server = await Server.start(t, answer("hi"));
    const client = await server.connect(t);
    client.send(`${garbage}\r\n\r\n`).socket.end();
    await until(() => client.ended);
    assert.match(client.text, /^HTTP\/1.1 400 Bad Request/);
    assert.equal(server.warnings.length, 1);
    await until(() => server.connections.size === 0);
  });
}

test("a body that breaks while it is read: 400, and the handler hears that its client has gone", async (t) => {
  let left = 0;
  const server = await Server.start(t, (stream) => {
    readBody(stream);
    stream.onClientLeft = () => left++;
  });
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
  await until(() => client.ended);
  assert.equal(left, 1);
  assert.match(client.text, /^HTTP\/1.1 400 /);
});

test("a FIN is told to the request that is being served, and to those that come behind it", async (t) => {
  const seen: string[] = [];
  const server = await Server.start(t, (stream) => {
    stream.onClientFin = () => {
      seen.push(stream.head.path);
      answer("x")(stream);
    };
  });
  const client = await server.connect(t);
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n").socket.end();
  await until(() => client.ended);
  assert.deepEqual(seen, ["/a", "/b"]);
});

test("no 100-continue for a body that nobody asks for", async (t) => {
  const server = await Server.start(t, (stream) => {
    answer("no")(stream);
    stream.allowBody();
  });
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab");
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1.1 200 /);
});

test("100-continue is sent before the body comes", async (t) => {
  const server = await Server.start(t, (stream) => {
    const body = readBody(stream);
    stream.allowBody();
    stream.allowBody(); // Once is enough.
    const wait = () => (body.end() === undefined ? setImmediate(wait) : answer(body.text())(stream));
    wait();
  });
  const client = await server.connect(t);
  await client
    .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    .sees("HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("ok").sees(/200 OK.*ok$/s);
});

test("a client that waits for 100-continue is not slow; from then on its time counts", async (t) => {
  let stream: RequestStream | undefined;
  const server = await Server.start(t, (request) => {
    stream = request;
    readBody(request);
  });
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  await until(() => stream !== undefined);
  for (let minute = 0; minute < 3; minute++) server.pass(60_000);
  assert.deepEqual([client.text, server.struck], ["", []]);
  stream?.allowBody();
  await client.sees("HTTP/1.1 100 Continue\r\n\r\n");
  server.pass(59_999);
  assert.deepEqual(server.struck, []);
  server.pass(1);
  await client.sees(/408 Request Timeout/);
  assert.deepEqual(server.struck, ["body-timeout 60000 192.0.2.1"]);
});

test("a body that nobody read is skipped, and the connection goes on; a large one ends it", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const client = await server.connect(t);
  client.send(`POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n${"x".repeat(60_000)}`).get("/2");
  await client.sees(/200 OK.*200 OK/s);
  client.send(`POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(100_000)}`);
  await until(() => client.ended || client.error !== undefined);
  assert.equal(client.count("200 OK"), 3);
});

test("draining: the answer under way says close; an idle connection is closed after a moment", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => streams.push(stream));
  const busy = await server.connect(t);
  const idle = await server.connect(t);
  busy.get("/");
  await until(() => streams.length === 1);
  server.drain();
  server.pass(199);
  assert.equal(idle.ended, false);
  server.pass(1);
  await until(() => idle.ended && server.connections.size === 1);
  answer("last")(streams[0]!);
  await until(() => busy.ended);
  assert.match(busy.text, /Connection: close\r\n.*last$/s);
  assert.deepEqual(server.struck, []);
});

test("parting: an answer says close, an idle connection stays, and new ones are served", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const [idle, busy] = [await server.connect(t), await server.connect(t)];
  for (const client of [idle, busy]) {
    client.get("/");
    await until(() => client.count("200 OK") === 1);
  }
  server.parting = true;
  server.pass(1000);
  busy.get("/");
  await until(() => busy.ended);
  assert.deepEqual([busy.count("200 OK"), busy.count("Connection: close"), idle.ended], [2, 1, false]);
  const fresh = await server.connect(t);
  for (const client of [idle, fresh]) {
    client.get("/");
    await until(() => client.ended);
    assert.equal(client.count("Connection: close"), 1);
  }
});

test("draining: requests that were on their way are all answered, the last one says close", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => streams.push(stream));
  const client = await server.connect(t);
  client.get("/1").get("/2").get("/3");
  await until(() => streams.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.drain();
  for (let n = 1; n <= 3; n++) {
    await until(() => streams.length === n);
    answer(`<${n}>`)(streams[n - 1]!);
    server.pass(100);
  }
  await until(() => client.ended);
  assert.match(client.text, /<1>.*<2>HTTP\/1.1 200 OK\r\n[^<]*Connection: close\r\n[^<]*<3>$/s);
  assert.equal(client.count("Connection: close"), 1);
});

test("draining: half a head has a second to become whole", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const [never, soon] = [await server.connect(t), await server.connect(t)];
  for (const client of [never, soon]) client.send("GET / HTTP/1.1\r\nHo");
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.drain();
  server.pass(999);
  assert.deepEqual([never.text, soon.text], ["", ""]);
  await soon.send("st: h\r\n\r\n").sees(/Connection: close\r\n.*hi$/s);
  server.pass(1);
  await until(() => never.ended);
  assert.match(never.text, /^HTTP\/1.1 408 /);
  server.pass(0);
  server.pass(500);
  await until(() => server.connections.size === 0);
  assert.deepEqual(server.struck, ["head-timeout 1000 192.0.2.1"]);
});

test("write_timeout: a client that takes nothing of its response is dropped", async (t) => {
  const server = await Server.start(t, (stream) => {
    stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
    stream.sink.body(Buffer.alloc(30_000_000));
  });
  const client = await server.connect(t);
  client.socket.pause();
  client.get("/");
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.pass(0);
  server.pass(59_999);
  assert.equal(server.connections.size, 1);
  server.pass(1);
  await until(() => server.connections.size === 0);
  assert.deepEqual(server.struck, ["write-timeout 60000 192.0.2.1"]);
});

test("back-pressure: a handler that pauses is not sent the rest of a large body", async (t) => {
  let seen = 0;
  let resume = () => {};
  const server = await Server.start(t, (stream) => {
    stream.readBody({
      onChunk: (chunk) => {
        seen += chunk.length;
        stream.pauseBody();
        resume = () => stream.resumeBody();
      },
      onEnd: () => answer("all")(stream),
    });
  });
  const client = await server.connect(t);
  const BYTES = 30_000_000;
  client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${BYTES}\r\n\r\n`).send(Buffer.alloc(BYTES));
  await until(() => seen > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(seen < 1_000_000, `${seen} bytes came although the body is paused`);
  await until(() => {
    resume();
    return seen === BYTES;
  });
  await client.sees("all");
});

test("back-pressure: a client that pipelines without end is not read while its requests wait", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => streams.push(stream));
  const client = await server.connect(t);
  const request = "GET /pipelined HTTP/1.1\r\nHost: h\r\n\r\n";
  const BYTES = 40_000_000;
  client.send(request.repeat(BYTES / request.length));
  const serve = async (count: number) => {
    for (let served = 0; served < count; served++) {
      await until(() => streams.length > 0);
      answer("x")(streams.shift()!);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return (client.socket as unknown as { _handle: { writeQueueSize: number } })._handle.writeQueueSize;
  };
  // Once the kernel's buffers are full, a request answered makes room for a request, and not for a whole read.
  const before = await serve(100);
  const after = await serve(100);
  assert.ok(before > 0 && before - after <= 2_000_000, `${before - after} bytes were taken for 100 requests`);
});

test("back-pressure: a client that pipelines and does not read is not answered into memory without end", async (t) => {
  const big = "y".repeat(100_000);
  let served = 0;
  const server = await Server.start(t, (stream) => {
    served++;
    setImmediate(() => answer(big)(stream));
  });
  const client = await server.connect(t);
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1_500));
  let before = -1;
  while (served !== before) {
    before = served;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(served < 500, `${served} responses of 100 kB were made for a client that reads none`);
  client.socket.resume();
  await until(() => client.text.length > 1_500 * big.length);
});

test("a response that is cut: the connection ends, and what the client pipelined is not run", async (t) => {
  const targets: string[] = [];
  const server = await Server.start(t, (stream) => {
    targets.push(stream.head.target);
    readBody(stream);
    stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
    stream.sink.body(Buffer.alloc(10_000_000));
    setImmediate(() => stream.sink.abort());
  });
  const client = await server.connect(t);
  client.socket.pause();
  client.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  await until(() => targets.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.send("abc").get("/2");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(targets, ["/1"]);
  client.socket.resume();
  await until(() => client.ended || client.error !== undefined);
  assert.ok(!client.text.endsWith("0\r\n\r\n"));
});

for (const { name, request, fails } of [
  { name: "without length or chunks ends in a reset: a FIN would complete it", request: "GET / HTTP/1.0\r\n\r\n", fails: "ECONNRESET" },
  { name: "in chunks ends without its last chunk, and with FIN", request: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", fails: undefined },
]) {
  test(`a cut response ${name}`, async (t) => {
    const server = await Server.start(t, (stream) => {
      stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
      stream.sink.body(Buffer.from("half of it"));
      stream.sink.abort();
    });
    const client = await server.connect(t);
    // What was written reaches the client before the reset.
    await client.send(request).sees("half of it");
    server.pass(0);
    server.pass(1_000);
    await until(() => client.ended || client.error !== undefined);
    assert.deepEqual([client.error, client.text.endsWith("0\r\n\r\n")], [fails, false]);
    await until(() => server.connections.size === 0);
    assert.deepEqual(server.logged, ["/ 200"]);
  });
}

test("the process's end resets a response whose end would be the connection's", async (t) => {
  const server = await Server.start(t, (stream) => {
    stream.sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
    stream.sink.body(Buffer.from("half of it"));
  });
  const [old, idle] = [await server.connect(t), await server.connect(t)];
  await old.send("GET / HTTP/1.0\r\n\r\n").sees("half of it");
  for (const connection of server.connections) connection.abandon();
  await until(() => old.error === "ECONNRESET");
  assert.deepEqual([idle.ended, idle.error], [false, undefined]);
});

test("a client that stops inside a body that nobody wants does not keep its connection", async (t) => {
  const server = await Server.start(t, answer("hi"));
  const client = await server.connect(t);
  await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this").sees("hi");
  server.pass(120_000);
  server.pass(120_000);
  await until(() => client.ended);
});

for (const { name, request, breaks } of [
  {
    name: "a request",
    request: "GET /broken HTTP/1.1\r\nHost: h\r\n\r\n",
    breaks: (_: RequestStream, error: Error) => {
      throw error;
    },
  },
  {
    name: "a request's body",
    request: "POST /broken HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
    breaks: (stream: RequestStream, error: Error) =>
      stream.readBody({
        onChunk: () => {
          throw error;
        },
        onEnd: () => {},
      }),
  },
]) {
  test(`a fault in what takes ${name} costs this connection, and no other`, async (t) => {
    const error = new Error("a fault of ours");
    const server = await Server.start(t, (stream) => {
      if (stream.head.target === "/broken") breaks(stream, error);
      else answer(`<${stream.head.target}>`)(stream);
    });
    const [victim, other] = [await server.connect(t), await server.connect(t)];
    await other.get("/before").sees("</before>");
    victim.send(request);
    await until(() => victim.ended || victim.error !== undefined);
    assert.equal(victim.text, "");
    assert.deepEqual(server.faults.splice(0), [error]);
    await until(() => server.connections.size === 1);
    await other.get("/after").sees("</after>");
    await (await server.connect(t)).get("/new").sees("</new>");
  });
}

test("a client that left before its answer began has a line in the access log, with 499", async (t) => {
  const streams: RequestStream[] = [];
  const server = await Server.start(t, (stream) => streams.push(stream));
  const [silent, begun] = [await server.connect(t), await server.connect(t)];
  silent.get("/silent");
  await until(() => streams.length === 1);
  silent.socket.resetAndDestroy();
  await until(() => server.logged.length === 1);
  begun.get("/begun");
  await until(() => streams.length === 2);
  streams[1]?.sink.start({ status: "200 OK", fieldLines: "", contentLength: 10, close: false });
  await begun.sees("200 OK");
  begun.socket.resetAndDestroy();
  await until(() => server.logged.length === 2);
  // The worker's answer comes too late: it is neither sent nor logged again.
  for (const { sink } of streams) sink.refuse(502, "Bad Gateway", "late");
  assert.deepEqual(server.logged, ["/silent 499", "/begun 200"]);
});

const HANDSHAKE =
  "GET /socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Accepts, and sends everything back; `!` ends it. */
const echo: Handler = (stream) => {
  const tunnel: Tunnel =
    stream.websocket?.accept("", {
      onBytes: (chunk) => {
        tunnel.write(Buffer.from(chunk));
        if (chunk.includes("!")) tunnel.end();
      },
      onDrain: () => {},
      onEnd: () => tunnel.end(),
      onGone: () => {},
    }) ?? assert.fail("no WebSocket was asked for");
  tunnel.resume();
};

test("a connection that leaves HTTP: bytes behind the handshake, time limits, the end, one line in the log", async (t) => {
  const server = await Server.start(t, echo);
  const client = await server.connect(t);
  client.socket.write(`${HANDSHAKE}early `);
  await until(() => client.text.endsWith("\r\n\r\nearly "));
  client.socket.write("GET / HTTP/1.1\r\n\r\n");
  await until(() => client.text.endsWith("early GET / HTTP/1.1\r\n\r\n"));
  // No limit of HTTP's holds any more, neither does a stop: who speaks through the tunnel ends it.
  server.drain();
  server.pass(1_000_000);
  assert.deepEqual([server.struck, server.logged], [[], []]);
  client.socket.write("bye!");
  await until(() => client.ended);
  assert.deepEqual(server.logged, ["/socket 101"]);
  client.socket.end();
  await until(() => server.connections.size === 0);
  assert.deepEqual(server.logged, ["/socket 101"]);
});

test("a tunnel whose client goes is over", async (t) => {
  const server = await Server.start(t, echo);
  const client = await server.connect(t);
  client.socket.write(HANDSHAKE);
  await until(() => client.text.endsWith("\r\n\r\n"));
  client.socket.resetAndDestroy();
  await until(() => server.connections.size === 0);
  assert.deepEqual(server.logged, ["/socket 101"]);
});

test("a client that has ended before its WebSocket is accepted", async (t) => {
  let accept: (() => void) | undefined;
  const server = await Server.start(t, (stream) => {
    accept = () => echo(stream);
  });
  const client = await server.connect(t);
  client.socket.end(`${HANDSHAKE}last words`);
  await until(() => accept !== undefined);
  await new Promise((resolve) => setImmediate(resolve));
  accept?.();
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 101 .*\r\n\r\nlast words$/s);
  await until(() => server.connections.size === 0);
});

const UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
const TRUSTED: Peer = { ...PEER, trusted: true };

test("a trusted client goes on in HTTP/2, with what it has sent behind its request; this connection does nothing more", async (t) => {
  const server = await Server.start(t, answer("hi"), {}, TRUSTED);
  server.upgradesToHttp2 = true;
  const client = await server.connect(t);
  client.send(`GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n${UPGRADE}\r\nPRI * and more`);
  await client.sees("switched");
  const [{ upgrade, rest }] = server.upgrades as [(typeof server.upgrades)[0]];
  assert.equal(upgrade.head.target, "/a");
  assert.equal(rest, "PRI * and more");
  client.send("more");
  client.socket.end();
  await until(() => client.ended);
  assert.deepEqual(server.logged, ["/1 200"]);
});

for (const { name, upgrades = true, peer = TRUSTED, fields } of [
  { name: "where it is off", upgrades: false, fields: UPGRADE },
  { name: "of a stranger", peer: PEER, fields: UPGRADE },
  { name: "with a body", fields: `${UPGRADE}Content-Length: 1\r\n` },
  { name: "that will close", fields: UPGRADE.replace("Connection: ", "Connection: close, ") },
  { name: "to something else", fields: UPGRADE.replace("h2c", "websocket") },
]) {
  test(`a request to upgrade ${name} stays HTTP/1`, async (t) => {
    const server = await Server.start(t, answer("hi"), {}, peer);
    server.upgradesToHttp2 = upgrades;
    const client = await server.connect(t);
    await client.send(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\nx`).sees("hi");
    assert.deepEqual(server.upgrades, []);
  });
}

/** An application that takes every connection over: what it gets is kept, what it sends is the test's to say. */
class TakingApplication implements TunnelUser {
  received = "";
  clientFinished = false;
  gone = false;
  drains = 0;
  stream: RequestStream | undefined;
  tunnel: ConnectionTunnel | undefined;

  readonly handler: Handler = (stream) => {
    this.stream = stream;
    if (stream.head.framing.kind !== "none") stream.readBody({ onChunk: () => {}, onEnd: () => {} });
    this.tunnel = stream.takeOver(this) ?? assert.fail("no tunnel");
    this.tunnel.resume();
  };
  onBytes(chunk: Buffer): void {
    this.received += chunk;
  }
  onDrain(): void {
    this.drains++;
  }
  onEnd(): void {
    this.clientFinished = true;
  }
  onGone(): void {
    this.gone = true;
  }
  say(text: string): void {
    this.tunnel?.write(Buffer.from(text));
  }
}

test("a connection that the application has taken over carries its bytes, both ways, until it closes", async (t) => {
  const application = new TakingApplication();
  const server = await Server.start(t, application.handler);
  const client = await server.connect(t);
  client.send("GET /ws HTTP/1.1\r\nHost: h\r\n\r\nGET /not-a-request ");
  await until(() => application.received === "GET /not-a-request ");
  application.say("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  await client.sees("101 Switching");
  client.send("more");
  await until(() => application.received === "GET /not-a-request more");
  application.say("bye");
  application.tunnel?.finishWriting();
  await until(() => client.ended);
  assert.match(client.text, /\r\n\r\nbye$/);
  // The request goes on: the application may still read.
  client.send("!");
  await until(() => application.received.endsWith("more!"));
  assert.deepEqual(server.logged, []);
  application.tunnel?.end();
  assert.deepEqual([server.logged, application.gone], [["/ws 101"], false]);
  client.socket.end();
  await until(() => server.connections.size === 0);
});

test("what comes behind a request with a body is the application's, the body is not", async (t) => {
  const application = new TakingApplication();
  const server = await Server.start(t, application.handler);
  const client = await server.connect(t);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  await until(() => application.stream !== undefined);
  client.send("dyafter");
  await until(() => application.received === "after");
  client.socket.end();
  await until(() => application.clientFinished);
});

test("a client that leaves a taken connection is told to the application, and logged with what it was told", async (t) => {
  const application = new TakingApplication();
  const server = await Server.start(t, application.handler);
  const client = await server.connect(t);
  client.get("/ws");
  await until(() => application.stream !== undefined);
  let left = 0;
  application.stream!.onClientLeft = () => left++;
  application.say("HTTP/1.1 101 X\r\n\r\n");
  await client.sees("101");
  client.socket.resetAndDestroy();
  await until(() => server.connections.size === 0);
  assert.deepEqual([application.gone, left, server.logged], [true, 1, ["/ws 101"]]);
});

test("an application that only looked at its connection may answer; the connection ends behind that", async (t) => {
  const application = new TakingApplication();
  const server = await Server.start(t, (stream) => {
    application.handler(stream);
    answer("hi")(stream);
  });
  const client = await server.connect(t);
  client.get("/look").get("/next");
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*hi$/);
  assert.deepEqual([client.count("HTTP/1.1"), application.gone, server.logged], [1, true, ["/look 200"]]);
});

test("a second application gets nothing", async (t) => {
  const [application, other] = [new TakingApplication(), new TakingApplication()];
  const server = await Server.start(t, application.handler);
  const client = await server.connect(t);
  client.get("/");
  await until(() => application.stream !== undefined);
  assert.equal(application.stream?.takeOver(other), undefined);
});

test("an application that answers in HTTP after all: what it then says by itself goes nowhere, whoever is slow", async (t) => {
  const application = new TakingApplication();
  const server = await Server.start(t, application.handler);
  const client = await server.connect(t);
  client.send("GET /look HTTP/1.1\r\nHost: h\r\n\r\nseen");
  await until(() => application.received === "seen");
  application.tunnel?.pause();
  const { sink } = application.stream!;
  sink.start({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false });
  assert.equal(application.gone, true);
  application.say("mixed in");
  let drains = 0;
  sink.onDrain = () => drains++;
  client.socket.pause();
  while (sink.body(Buffer.alloc(65536, "."))) {}
  client.socket.resume();
  await until(() => drains > 0);
  client.send("more");
  sink.end();
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n(?:[^.]+\r\n)?\r\n[0-9a-f]+\r\n\.+/);
  assert.doesNotMatch(client.text, /mixed in/);
  assert.deepEqual([application.received, server.logged], ["seen", ["/look 200"]]);
});

test("a body that breaks, or does not come, behind an application's own answer cuts the connection", async (t) => {
  const [broken, late] = [new TakingApplication(), new TakingApplication()];
  const server = await Server.start(t, (stream) => (stream.head.target === "/broken" ? broken : late).handler(stream));
  const [client, other] = [await server.connect(t), await server.connect(t)];
  for (const [one, path] of [
    [client, "/broken"],
    [other, "/late"],
  ] as const) {
    one.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`);
  }
  await until(() => broken.tunnel !== undefined && late.tunnel !== undefined);
  for (const application of [broken, late]) application.say("HTTP/1.1 101 X\r\n\r\n");
  await client.sees("101");
  await other.sees("101");
  client.send("no chunk\r\n");
  await until(() => client.ended);
  server.pass(1_000_000);
  await until(() => other.ended);
  assert.deepEqual([broken.gone, late.gone, server.logged], [true, true, ["/broken 101", "/late 101"]]);
  assert.deepEqual(
    [client, other].map(({ text }) => text),
    ["HTTP/1.1 101 X\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n"],
  );
});

test("the last head is kept for a client that asks on, not for one that is silent", async (t) => {
  const kept: boolean[] = [];
  const server = await Server.start(t, (stream) => {
    kept.push(stream.head.encoded !== undefined);
    answer(`answer ${kept.length}`)(stream);
  });
  const client = await server.connect(t);
  const ask = async () => await client.get("/").sees(`answer ${kept.length + 1}`);
  for (let count = 0; count < 3; count++) await ask();
  server.pass(999);
  await ask();
  server.pass(1000);
  for (let count = 0; count < 3; count++) await ask();
  assert.deepEqual(kept, [false, false, true, true, false, false, true]);
});
