import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExchangeConnection, type ExchangeTunnel, Http1Exchange } from "../../src/gateway/http1-exchange.ts";
import type { ResponseHead, TunnelUser } from "../../src/request/exchange.ts";
import type { BodyFraming, RequestHead } from "../../src/request/request-head.ts";
import { requestHead } from "./memory-exchange.ts";

const OK: ResponseHead = { status: "200 OK", fieldLines: "Content-Length: 2\r\n", contentLength: 2, close: false };
const HI = Buffer.from("hi");

/** A connection that only notes what it is asked for. */
class NotedConnection implements ExchangeConnection {
  readonly date = "Thu, 01 Jan 1970 00:00:00 GMT";
  closing = false;
  chunking = true;
  slow = false;
  written = "";
  readonly asked: string[] = [];

  cork(): void {
    this.asked.push("cork");
  }
  write(bytes: Buffer | string): boolean {
    this.written += bytes.toString("latin1");
    return !this.slow;
  }
  pauseReading(): void {
    this.asked.push("pause");
  }
  resumeReading(): void {
    this.asked.push("resume");
  }
  exchangeDone(_exchange: Http1Exchange, reuse: boolean): void {
    this.asked.push(`done reuse=${reuse}`);
  }
  cut(): void {
    this.asked.push("cut");
  }
  openTunnel(): ExchangeTunnel {
    this.asked.push("tunnel");
    const { tunnelledBytes: sentBytes } = this;
    return { write: () => true, pause: () => {}, resume: () => {}, finishWriting: () => {}, end: () => {}, cut: () => {}, sentBytes };
  }
  /** What its tunnel says. */
  tunnelledBytes = 0;
  closeTunnel(): void {
    this.asked.push("close tunnel");
  }
}

function begun({ framing, ...changes }: Partial<RequestHead> & { framing?: BodyFraming } = {}) {
  const connection = new NotedConnection();
  return { connection, exchange: new Http1Exchange({ ...requestHead("POST", "/", framing), ...changes }, 5, connection) };
}

test("a whole response: its head, its body, what the access log needs, and the connection goes on", () => {
  const { connection, exchange } = begun();
  assert.equal(exchange.started, false);
  exchange.respond(OK, HI);
  assert.match(connection.written, /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 2\r\n\r\nhi$/s);
  assert.deepEqual(connection.asked, ["done reuse=true"]);
  assert.deepEqual([exchange.status, exchange.bodyBytes, exchange.fieldLines], [200, 2, OK.fieldLines]);
});

test("a response in parts leaves corked, counts its body, and tells of a slow client", () => {
  const { connection, exchange } = begun();
  exchange.start({ ...OK, contentLength: undefined, fieldLines: "" });
  assert.equal(exchange.started, true);
  assert.equal(exchange.body(HI), true);
  connection.slow = true;
  assert.equal(exchange.body(Buffer.from("again")), false);
  assert.deepEqual(connection.asked, ["cork", "cork", "cork"]);
  exchange.end();
  assert.match(connection.written, /Transfer-Encoding: chunked\r\n.*\r\n2\r\nhi\r\n5\r\nagain\r\n0\r\n\r\n$/s);
  assert.equal(exchange.bodyBytes, 7);
  assert.equal(connection.asked.at(-1), "done reuse=true");
});

for (const { name, closing, changes, response } of [
  { name: "the connection closes", closing: true, changes: {}, response: OK },
  { name: "the application asks for it", closing: false, changes: {}, response: { ...OK, close: true } },
  { name: "the client asked for it", closing: false, changes: { keepAlive: false }, response: OK },
]) {
  test(`the last response of its connection says so: ${name}`, () => {
    const { connection, exchange } = begun(changes);
    connection.closing = closing;
    exchange.respond(response, HI);
    assert.match(connection.written, /\r\nConnection: close\r\n/);
    assert.deepEqual(connection.asked, ["done reuse=false"]);
  });
}

test("hints go out before the head only, and never to HTTP/1.0", () => {
  const { connection, exchange } = begun();
  exchange.informational("103 Early Hints", "Link: x\r\n");
  assert.equal(connection.written, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  exchange.respond(OK, HI);
  const before = connection.written;
  exchange.informational("103 Early Hints", "");
  assert.equal(connection.written, before);
  const old = begun({ protocol: "HTTP/1.0" });
  old.exchange.informational("103 Early Hints", "");
  assert.equal(old.connection.written, "");
});

test("a refusal is an error page that ends the connection; its status is logged", () => {
  const { connection, exchange } = begun();
  exchange.refuse(503, "Service Unavailable", "full", "Retry-After: 3\r\n");
  assert.match(connection.written, /^HTTP\/1\.1 503 Service Unavailable\r\n.*Retry-After: 3\r\n.*full/s);
  assert.deepEqual(connection.asked, ["done reuse=false"]);
  assert.equal(exchange.status, 503);
});

test("a refusal behind the head cuts the response instead", () => {
  const { connection, exchange } = begun();
  exchange.start(OK);
  const before = connection.written;
  exchange.refuse(502, "Bad Gateway", "died");
  assert.equal(connection.written, before);
  assert.deepEqual(connection.asked, ["cork", "cut"]);
  assert.equal(exchange.status, 200);
});

for (const { name, start, status } of [
  { name: "before the answer began: 499", start: false, status: 499 },
  { name: "amid the answer: the answer's own status", start: true, status: 200 },
]) {
  test(`the client leaves ${name}`, () => {
    const { exchange } = begun();
    if (start) exchange.start(OK);
    exchange.clientLeft();
    assert.deepEqual(exchange.status, status);
  });
}

for (const { name, finish } of [
  { name: "answered", finish: (exchange: Http1Exchange) => exchange.respond(OK, HI) },
  { name: "cut", finish: (exchange: Http1Exchange) => exchange.abort() },
  { name: "without its client", finish: (exchange: Http1Exchange) => exchange.clientLeft() },
]) {
  test(`once ${name}, nothing of it reaches the connection or the body's reader any more`, () => {
    const { connection, exchange } = begun({ framing: { kind: "chunked" } });
    const chunks: string[] = [];
    exchange.readBody({ onChunk: (chunk) => chunks.push(chunk.toString()), onEnd: (end) => chunks.push(end) });
    exchange.bodyChunk(Buffer.from("early"));
    exchange.pauseBody();
    finish(exchange);
    const before = { written: connection.written, asked: [...connection.asked] };
    exchange.bodyChunk(Buffer.from("late"));
    exchange.bodyEnd("complete");
    exchange.resumeBody();
    exchange.pauseBody();
    exchange.informational("103 Early Hints", "");
    exchange.start(OK);
    exchange.respond(OK, HI);
    assert.equal(exchange.body(HI), true);
    exchange.end();
    exchange.abort();
    exchange.refuse(500, "Internal Server Error", "late");
    assert.deepEqual({ written: connection.written, asked: connection.asked }, before);
    assert.deepEqual(chunks, ["early"]);
    assert.equal(exchange.bodyEnded, true, "the connection still learns where the next request begins");
  });
}

test("the body's flow: pause and resume reach the connection once each", () => {
  const { connection, exchange } = begun({ framing: { kind: "length", bytes: 3 } });
  assert.equal(exchange.bodyEnded, false);
  exchange.resumeBody();
  exchange.pauseBody();
  exchange.pauseBody();
  exchange.resumeBody();
  exchange.resumeBody();
  assert.deepEqual(connection.asked, ["pause", "resume"]);
});

for (const end of ["complete", "short"] as const) {
  test(`the body's reader is told how it ended: ${end}`, () => {
    const { exchange } = begun({ framing: { kind: "length", bytes: 3 } });
    const seen: string[] = [];
    exchange.readBody({ onChunk: (chunk) => seen.push(chunk.toString()), onEnd: (how) => seen.push(how) });
    exchange.bodyChunk(Buffer.from("ab"));
    exchange.bodyEnd(end);
    assert.deepEqual(seen, ["ab", end]);
    assert.equal(exchange.bodyEnded, true);
  });
}

test("a request without a body has come to its end at once", () => {
  const { exchange } = begun();
  assert.equal(exchange.bodyEnded, true);
});

const HANDSHAKE: readonly (readonly [string, string])[] = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Version", "13"],
  // RFC 6455 §1.3.
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Extensions", "a"],
  ["Sec-WebSocket-Extensions", "b"],
];
const NOBODY: TunnelUser = { onBytes: () => {}, onDrain: () => {}, onEnd: () => {}, onGone: () => {} };

test("a WebSocket's handshake: accepted, the connection leaves HTTP", () => {
  const { connection, exchange } = begun({ ...requestHead("GET", "/", { kind: "none" }, HANDSHAKE) });
  const { websocket } = exchange;
  assert.equal(websocket?.extensions, "a, b");
  websocket?.check();
  websocket?.accept("X-A: b\r\n", NOBODY);
  assert.equal(
    connection.written,
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-A: b\r\n\r\n",
  );
  assert.deepEqual([connection.asked, exchange.status, exchange.started], [["tunnel"], 101, true]);
  exchange.respond(OK, HI);
  assert.equal(connection.written.endsWith("\r\n\r\n"), true, "HTTP is over");
});

test("a WebSocket's handshake may be answered like any request; others offer none", () => {
  const { connection, exchange } = begun({ ...requestHead("GET", "/", { kind: "none" }, HANDSHAKE) });
  exchange.respond(OK, HI);
  assert.match(connection.written, /^HTTP\/1\.1 200 OK/);
  assert.equal(begun().exchange.websocket, undefined);
});

test("an application that has taken the connection may still answer, as long as it has sent nothing by itself", () => {
  const { connection, exchange } = begun();
  assert.notEqual(exchange.takeOver(NOBODY), undefined);
  assert.equal(exchange.takeOver(NOBODY), undefined, "it is given already");
  exchange.respond(OK, HI);
  assert.match(connection.written, /^HTTP\/1\.1 200 OK/);
  assert.deepEqual(connection.asked, ["tunnel", "close tunnel", "done reuse=true"]);
  assert.equal(begunWithResponse().takeOver(NOBODY), undefined);
});

function begunWithResponse(): Http1Exchange {
  const { exchange } = begun();
  exchange.start(OK);
  return exchange;
}

const ANSWERS: readonly { what: string; answer: (exchange: Http1Exchange) => void }[] = [
  { what: "a whole response", answer: (exchange) => exchange.respond(OK, HI) },
  { what: "a response in parts", answer: (exchange) => exchange.start(OK) },
  { what: "a refusal", answer: (exchange) => exchange.refuse(502, "Bad Gateway", "lost") },
  { what: "a cut", answer: (exchange) => exchange.abort() },
];

for (const { what, answer } of ANSWERS) {
  test(`behind what an application has sent by itself, ${what} is ignored`, () => {
    const { connection, exchange } = begun();
    connection.tunnelledBytes = 7;
    exchange.takeOver(NOBODY);
    exchange.tunnelBegan(Buffer.from("HTTP/1.1 403 No\r\n"));
    assert.deepEqual([exchange.answeredInTunnel, exchange.started], [true, false]);
    exchange.informational("103 Early Hints", "");
    answer(exchange);
    assert.equal(exchange.body(HI), true);
    exchange.end();
    exchange.tunnelEnded();
    assert.equal(connection.written, "");
    assert.deepEqual(connection.asked, ["tunnel"]);
    assert.deepEqual([exchange.status, exchange.bodyBytes], [403, 7]);
  });
}

const STATUSES: readonly { says: string; status: number }[] = [
  { says: "HTTP/1.1 101 Switching Protocols\r\n", status: 101 },
  { says: "HTTP/1.0 403 Forbidden\r\n\r\n", status: 403 },
  { says: "HTTP/1.1 404\r\n\r\n", status: 404 },
  { says: "HTTP/1.1 999 What", status: 101 },
  { says: "220 mail.example.org ESMTP\r\n", status: 101 },
];

for (const { says, status } of STATUSES) {
  test(`an application that says ${JSON.stringify(says)} is logged with ${status}`, () => {
    const { exchange } = begun();
    exchange.takeOver(NOBODY);
    exchange.tunnelBegan(Buffer.from(says));
    exchange.tunnelEnded();
    assert.equal(exchange.status, status);
  });
}

test("an application that says nothing and ends is logged with 101, a client that leaves it with 499", () => {
  const [{ exchange }, other] = [begun(), begun()];
  exchange.takeOver(NOBODY);
  exchange.tunnelEnded();
  other.exchange.takeOver(NOBODY);
  other.exchange.clientLeft();
  assert.deepEqual([exchange.status, other.exchange.status], [101, 499]);
});
