import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { Http2Connection, type Http2Host } from "../../src/gateway/http2-connection.ts";
import type { LoggedExchange } from "../../src/gateway/logged-exchange.ts";
import { readThroughSharedBuffer } from "../../src/gateway/shared-read-buffer.ts";
import { OutputPool } from "../../src/protocol/http2/output-pool.ts";
import type { RequestStream } from "../../src/request/exchange.ts";
import type { Peer, RequestHead } from "../../src/request/request-head.ts";
import { cutFrames, frame, headers, PREFACE, settings } from "../protocol/http2/frames.ts";
import { policy } from "../protocol/http2/harness.ts";
import { ConnectionServer, type Handler, USUAL_LIMITS } from "./connection-server.ts";
import { PEER } from "./memory-exchange.ts";
import { until } from "./spool-directory.ts";

const hello: Handler = (stream) => {
  stream.sink.respond({ status: "200 OK", fieldLines: "Content-Length: 5\r\n", contentLength: 5, close: false }, Buffer.from("hello"));
};

class Server extends ConnectionServer<Http2Connection> implements Http2Host {
  readonly http2Policy = policy();
  readonly outputPool = new OutputPool();

  static async start(t: TestContext, handler: Handler, peer: Peer = PEER): Promise<Server> {
    const host = new Server(handler);
    await host.listen(t, { pauseOnConnect: true }, (socket) => new Http2Connection(readThroughSharedBuffer(socket), peer, host));
    return host;
  }

  log({ head, status, bodyBytes }: LoggedExchange): void {
    this.logged.push(`${head.target} ${status} ${bodyBytes}`);
  }
  limitReached(limit: string, limitMs: number): void {
    this.struck.push(`${limit} ${limitMs}`);
  }

  client(t: TestContext): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${this.port}`);
    session.on("error", () => {});
    t.after(() => session.destroy());
    return session;
  }
}

async function ask(session: ClientHttp2Session, path: string, body?: Buffer): Promise<{ status: unknown; body: string }> {
  const request = session.request({ ":path": path, ":method": body === undefined ? "GET" : "POST" }, { endStream: body === undefined });
  let status: unknown;
  request.on("response", (fields) => {
    status = fields[":status"];
  });
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (body !== undefined) request.end(body);
  await once(request, "end");
  return { status, body: Buffer.concat(chunks).latin1Slice() };
}

/** A client that speaks in frames. */
async function rawClient(t: TestContext, server: Server, ...frames: readonly Buffer[]) {
  const socket = connect(server.port, "127.0.0.1");
  t.after(() => socket.destroy());
  let bytes = Buffer.alloc(0);
  const seen = { ended: false, frames: () => cutFrames(bytes).frames, socket };
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  socket.on("end", () => {
    seen.ended = true;
  });
  socket.on("error", () => {});
  socket.write(Buffer.concat([PREFACE, settings(), ...frames]));
  await until(() => seen.frames().length > 0);
  return seen;
}

const GOAWAY = 7;

test("requests side by side, each logged", async (t) => {
  const server = await Server.start(t, hello);
  const session = server.client(t);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(session, `/${i}`)));
  assert.ok(answers.every(({ status, body }) => status === 200 && body === "hello"));
  assert.deepEqual(server.logged.slice().sort(), Array.from({ length: 50 }, (_, i) => `/${i} 200 5`).sort());
});

test("large bodies both ways", async (t) => {
  const echo: Handler = (stream) => {
    const chunks: Buffer[] = [];
    stream.readBody({
      onChunk: (chunk) => chunks.push(chunk),
      onEnd: () => {
        stream.sink.respond({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false }, Buffer.concat(chunks));
      },
    });
  };
  const server = await Server.start(t, echo);
  const body = Buffer.alloc(3_000_000, "abcdefg");
  const answer = await ask(server.client(t), "/", body);
  assert.ok(answer.body === body.latin1Slice());
});

test("an idle connection is closed with GOAWAY, whatever frames it sends", async (t) => {
  const server = await Server.start(t, hello);
  const client = await rawClient(t, server, headers(1));
  await until(() => server.logged.length === 1);
  server.pass(USUAL_LIMITS.idleMs - 1);
  client.socket.write(frame(6, 0, 0, 8));
  await until(() => client.frames().some(({ type, flags }) => type === 6 && flags === 1));
  assert.equal(server.connections.size, 1);
  server.pass(1);
  await until(() => client.ended && server.connections.size === 0);
  assert.equal(client.frames().at(-1)?.type, GOAWAY);
  assert.deepEqual(server.struck, [`idle-timeout ${USUAL_LIMITS.idleMs}`]);
  assert.deepEqual(server.warnings, []);
});

test("a connection that never asks has the time of a head", async (t) => {
  const server = await Server.start(t, hello);
  const client = await rawClient(t, server);
  server.pass(USUAL_LIMITS.headMs);
  await until(() => client.ended);
  assert.deepEqual(server.struck, [`head-timeout ${USUAL_LIMITS.headMs}`]);
});

test("idle connections leave sooner when there is no room for others", async (t) => {
  const server = await Server.start(t, hello);
  const client = await rawClient(t, server, headers(1));
  await until(() => server.logged.length === 1);
  server.crowded = true;
  server.pass(2_000);
  await until(() => client.ended);
});

test("a client that breaks the rules is told so, and so is the log, once", async (t) => {
  const server = await Server.start(t, hello);
  const client = await rawClient(t, server, frame(6, 0, 0, 7), frame(6, 0, 0, 7));
  await until(() => client.ended);
  assert.equal(client.frames().at(-1)?.payload.readUInt32BE(4), 6);
  assert.deepEqual(server.warnings, ["Invalid request from ip=192.0.2.1: PING of 7 bytes"]);
  server.pass(2_000);
  await until(() => server.connections.size === 0);
});

test("TLS that is too weak ends the connection before its first request", async (t) => {
  const tls = {
    version: "TLSv1.2",
    cipher: "TLS_RSA_WITH_AES_128_CBC_SHA",
    serverCertificate: undefined,
    clientChain: [],
    clientName: undefined,
  };
  const server = await Server.start(t, hello, { ...PEER, tls });
  const client = await rawClient(t, server, headers(1));
  await until(() => client.ended);
  const last = client.frames().at(-1);
  assert.deepEqual([last?.type, last?.payload.readUInt32BE(4)], [GOAWAY, 12]);
  assert.deepEqual(server.warnings, ["Invalid request from ip=192.0.2.1: HTTP/2 over TLS_RSA_WITH_AES_128_CBC_SHA"]);
  assert.deepEqual(server.logged, []);
});

test("a request that policy refuses gets a page, and the connection goes on", async (t) => {
  const server = await Server.start(t, hello);
  const session = server.client(t);
  const refused = await ask(session, "/\u00e9");
  assert.equal(refused.status, 400);
  assert.match(refused.body, /<h1><p>Bad Request<\/p><\/h1>/);
  assert.equal((await ask(session, "/")).body, "hello");
  assert.equal(server.warnings.length, 1);
});

test("a stop: what is open is answered, then the connection ends", async (t) => {
  let waiting: RequestStream | undefined;
  const server = await Server.start(t, (stream) => {
    waiting = stream;
  });
  const session = server.client(t);
  const answer = ask(session, "/");
  const closed = once(session, "close");
  await until(() => waiting !== undefined);
  server.drainingSinceMs = server.nowMs;
  server.pass(1);
  server.pass(200);
  assert.equal(server.connections.size, 1);
  if (waiting !== undefined) hello(waiting);
  assert.equal((await answer).body, "hello");
  await closed;
  await until(() => server.connections.size === 0);
});

test("a stop ends an idle connection at once", async (t) => {
  const server = await Server.start(t, hello);
  const session = server.client(t);
  await ask(session, "/");
  const closed = once(session, "close");
  server.drainingSinceMs = server.nowMs;
  server.pass(1);
  server.pass(200);
  await closed;
});

test("a client that has gone takes its requests with it", async (t) => {
  const left: string[] = [];
  const server = await Server.start(t, (stream) => {
    stream.onClientLeft = () => left.push(stream.head.target);
  });
  const client = await rawClient(t, server, headers(1), headers(3));
  await until(() => server.connections.size === 1 && client.frames().length >= 3);
  // A FIN alone would say that it may still read.
  client.socket.resetAndDestroy();
  await until(() => server.connections.size === 0);
  assert.deepEqual(left, ["/", "/"]);
  assert.deepEqual(server.logged, ["/ 499 0", "/ 499 0"]);
});

test("a client that says that it sends no more is still answered", async (t) => {
  let waiting: RequestStream | undefined;
  let fins = 0;
  const server = await Server.start(t, (stream) => {
    waiting = stream;
    stream.onClientFin = () => {
      fins += 1;
    };
  });
  const client = await rawClient(t, server, headers(1));
  await until(() => waiting !== undefined);
  client.socket.end();
  await until(() => fins === 1);
  if (waiting !== undefined) hello(waiting);
  await until(() => client.ended);
  assert.deepEqual(server.logged, ["/ 200 5"]);
});

test("a request that waits for a worker is given up when its client has said so for long", async (t) => {
  const server = await Server.start(t, (stream) => {
    stream.withdraw = () => true;
  });
  const client = await rawClient(t, server, headers(1));
  await until(() => client.frames().length >= 3);
  client.socket.end();
  await until(() => {
    server.pass(1_000);
    return server.logged.length === 1;
  });
  assert.deepEqual(server.logged, ["/ 499 0"]);
});

test("a client that does not read is not answered into memory without end", async (t) => {
  const server = await Server.start(t, (stream) => {
    stream.sink.respond({ status: "200 OK", fieldLines: "", contentLength: undefined, close: false }, Buffer.alloc(60_000));
  });
  const client = await rawClient(t, server);
  client.socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  // Windows wide open, and a thousand requests: 60 MB of answers.
  client.socket.write(Buffer.concat([settings({ initialWindowSize: 2 ** 31 - 1 }), frame(8, 0, 0, Buffer.from("7fff0000", "hex"))]));
  for (let id = 1; id < 2000; id += 2) client.socket.write(headers(id));
  let handled = -1;
  await until(() => {
    const settled = handled === server.logged.length && handled > 0;
    handled = server.logged.length;
    return settled;
  });
  assert.ok(process.memoryUsage().arrayBuffers - before < 30_000_000, "answers are held in memory");
  client.socket.resume();
  await until(() => client.frames().filter(({ type, flags, streamId }) => type === 0 && flags === 1 && streamId > 0).length > 50);
});

test("a fault of ours costs the client its connection, and nobody else anything", async (t) => {
  const server = await Server.start(t, () => {
    throw new Error("broken");
  });
  const session = server.client(t);
  const closed = once(session, "close");
  session.request({ ":path": "/" }).on("error", () => {});
  await closed;
  assert.equal(server.faults.length, 1);
  server.faults.length = 0;
});

test("a request that HTTP/1 brought is the first", async (t) => {
  const heads: RequestHead[] = [];
  const server = await Server.start(t, (stream) => {
    heads.push(stream.head);
    hello(stream);
  });
  const client = await rawClient(t, server);
  const [connection] = server.connections;
  const first = await Server.start(t, (stream) => heads.push(stream.head));
  await rawClient(t, first, headers(1));
  await until(() => heads.length === 1);
  connection?.upgrade({ settings: Buffer.alloc(0), head: heads[0] ?? assert.fail() });
  await until(() => client.frames().some(({ type, streamId }) => type === 0 && streamId === 1));
});
