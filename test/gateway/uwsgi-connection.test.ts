import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { ConnectionHost, Http1Connection } from "../../src/gateway/http1-connection.ts";
import { http1PolicyOf } from "../../src/gateway/limits-from-settings.ts";
import { uwsgiConnection } from "../../src/gateway/uwsgi-connection.ts";
import type { RequestStream, ResponseHead } from "../../src/request/exchange.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";
import { packetText } from "../protocol/uwsgi/packets.ts";
import { PEER } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";
import { until } from "./spool-directory.ts";

const OK: ResponseHead = { status: "200 OK", fieldLines: "", contentLength: undefined, close: false };
const HEAD_MS = 60_000;

/** A request that came, with the body that has come of it. */
interface Received {
  readonly stream: RequestStream;
  body: string;
  end: string | undefined;
}

/** A server of uWSGI connections; the test answers its requests and moves its clock. */
async function serve(t: TestContext, isAllowed = true) {
  const requests: Received[] = [];
  const connections = new Set<Http1Connection>();
  const notes: string[] = [];
  let nowMs = 1000;
  let clockReads = 0;
  const host: ConnectionHost = {
    policy: http1PolicyOf(settingsOf()),
    upgradesToHttp2: false,
    upgraded: () => assert.fail("uWSGI knows no upgrade"),
    limits: { idleMs: 5_000, proxyIdleMs: 75_000, headMs: HEAD_MS, drainHeadMs: 1_000, bodyMs: 60_000, writeMs: 60_000 },
    traffic: new Traffic(),
    date: "Thu, 01 Jan 1970 00:00:00 GMT",
    drainingSinceMs: undefined,
    parting: false,
    crowded: false,
    now: () => {
      clockReads++;
      return nowMs;
    },
    handle: (stream) => {
      const received: Received = { stream, body: "", end: undefined };
      requests.push(received);
      stream.readBody({
        onChunk: (chunk) => {
          received.body += chunk.latin1Slice();
        },
        onEnd: (end) => {
          received.end = end;
        },
      });
    },
    log: ({ head, status }) => notes.push(`${head.method} ${head.target} ${status}`),
    warn: (text) => notes.push(text),
    limitReached: (limit) => notes.push(`limit ${limit}`),
    fault: (error) => notes.push(`fault ${error}`),
    closed: (connection) => connections.delete(connection),
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => connections.add(uwsgiConnection(socket, PEER, host, () => isAllowed)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  t.after(() => {
    socket.destroy();
    for (const connection of connections) connection.destroy();
    server.close();
  });
  const client = new ProxySide(socket);
  await until(() => connections.size > 0);
  const pass = (ms: number) => {
    nowMs += ms;
    for (const connection of connections) connection.sweep(nowMs);
  };
  return { requests, notes, client, pass, clockReads: () => clockReads };
}

/** What the proxy sees. */
class ProxySide {
  readonly socket: Socket;
  text = "";
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", () => {});
  }

  send(vars: Readonly<Record<string, string>>, body = ""): void {
    this.socket.write(packetText(vars, body), "latin1");
  }
}

test("requests one after another, with bodies by their CONTENT_LENGTH; answers are HTTP/1.1", async (t) => {
  const { requests, notes, client } = await serve(t);
  client.send({ REQUEST_METHOD: "POST", PATH_INFO: "/a", CONTENT_LENGTH: "3" }, "abc");
  client.send({ PATH_INFO: "/b", QUERY_STRING: "q" });
  await until(() => requests[0]?.end === "complete");
  assert.deepEqual([requests.length, requests[0]?.body], [1, "abc"]);
  requests[0]?.stream.sink.respond({ ...OK, fieldLines: "Content-Length: 2\r\n", contentLength: 2 }, Buffer.from("hi"));
  await until(() => requests.length === 2 && client.text.endsWith("hi"));
  assert.equal(
    client.text,
    "HTTP/1.1 200 OK\r\nServer: tunicorn\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
  );
  requests[1]?.stream.sink.refuse(503, "Service Unavailable", "text");
  await until(() => client.ended);
  assert.deepEqual(notes, ["POST /a 200", "GET /b?q 503"]);
});

for (const { name, answer } of [
  { name: "whole", answer: ({ sink }: RequestStream) => sink.respond(OK, Buffer.from("onetwo")) },
  {
    name: "in parts",
    answer: ({ sink }: RequestStream) => {
      sink.start(OK);
      sink.body(Buffer.from("one"));
      sink.body(Buffer.from("two"));
      sink.end();
    },
  },
]) {
  test(`a response without a length, ${name}, is never chunked: it ends with the connection`, async (t) => {
    const { requests, client } = await serve(t);
    client.send({});
    await until(() => requests.length > 0);
    answer(requests[0]?.stream ?? assert.fail());
    await until(() => client.ended);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nConnection: close\r\n\r\nonetwo$/);
    assert.doesNotMatch(client.text, /Transfer-Encoding/i);
  });
}

for (const { name, vars, status } of [
  { name: "HEAD", vars: { REQUEST_METHOD: "HEAD" }, status: "200 OK" },
  { name: "204", vars: {}, status: "204 No Content" },
  { name: "304", vars: {}, status: "304 Not Modified" },
]) {
  test(`${name} has no body, and the connection goes on`, async (t) => {
    const { requests, client } = await serve(t);
    client.send(vars);
    await until(() => requests.length > 0);
    requests[0]?.stream.sink.respond({ ...OK, status }, Buffer.from("dropped"));
    client.send({ PATH_INFO: "/next" });
    await until(() => requests.length === 2);
    assert.match(client.text, /\r\nConnection: keep-alive\r\n\r\n$/);
  });
}

test("HTTP_CONNECTION=close closes", async (t) => {
  const { requests, client } = await serve(t);
  client.send({ HTTP_CONNECTION: "close" });
  await until(() => requests.length > 0);
  requests[0]?.stream.sink.respond({ ...OK, contentLength: 0 }, Buffer.alloc(0));
  await until(() => client.ended);
  assert.match(client.text, /\r\nConnection: close\r\n/);
});

test("a malformed packet gets a page and a warning, and leaves no access line", async (t) => {
  const { requests, notes, client } = await serve(t);
  client.socket.write("GET / HTTP/1.1\r\n\r\n");
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 501 Not Implemented\r\nConnection: close\r\n/);
  assert.deepEqual([requests.length, notes], [0, ["Invalid request from ip=192.0.2.1: Unsupported uWSGI modifier1: 71"]]);
});

test("a peer that may not is refused before it has said anything, and what it says is not read", async (t) => {
  const { requests, notes, client } = await serve(t, false);
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 403 Forbidden\r\nConnection: close\r\n/);
  client.send({});
  assert.deepEqual([requests.length, notes], [0, ["Invalid request from ip=192.0.2.1: uWSGI request from '192.0.2.1' not allowed"]]);
});

test("half a packet for as long as head_timeout is answered 408", async (t) => {
  const { client, pass, clockReads } = await serve(t);
  const before = clockReads();
  client.socket.write(packetText({ PATH_INFO: "/" }).slice(0, 7));
  // The first bytes of a head start its clock.
  await until(() => clockReads() > before);
  pass(HEAD_MS);
  await until(() => client.ended);
  assert.match(client.text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
});

test("a body that ends early is short, and is still answered", async (t) => {
  const { requests, notes, client } = await serve(t);
  client.send({ REQUEST_METHOD: "POST", CONTENT_LENGTH: "9" }, "abc");
  client.socket.end();
  await until(() => requests[0]?.end !== undefined);
  assert.deepEqual([requests[0]?.body, requests[0]?.end], ["abc", "short"]);
  requests[0]?.stream.sink.respond(OK, Buffer.from("hi"));
  await until(() => client.ended);
  assert.match(client.text, /\r\n\r\nhi$/);
  assert.deepEqual(notes, ["POST / 200"]);
});

test("a proxy that leaves before its answer: the worker is told, the access log says 499", async (t) => {
  const { requests, notes, client } = await serve(t);
  client.send({});
  await until(() => requests.length > 0);
  let told = false;
  const stream = requests[0]?.stream ?? assert.fail();
  stream.onClientLeft = () => {
    told = true;
  };
  client.socket.resetAndDestroy();
  await until(() => notes.length > 0);
  assert.deepEqual([told, notes], [true, ["GET / 499"]]);
});
