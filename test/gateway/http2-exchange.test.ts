import assert from "node:assert/strict";
import { test } from "node:test";
import { Http2Exchange, type Http2ExchangeOwner } from "../../src/gateway/http2-exchange.ts";
import type { ResponseHead } from "../../src/request/exchange.ts";
import { data, type Fields, GET, headers, POST, rstStream, settings, windowUpdate } from "../protocol/http2/frames.ts";
import { Harness } from "../protocol/http2/harness.ts";

const BODY_MS = 60_000;
const WRITE_MS = 30_000;

/** The connection's part, by the test. */
class Owner implements Http2ExchangeOwner {
  readonly date = "D";
  readonly limits = { idleMs: 0, proxyIdleMs: 0, headMs: 0, drainHeadMs: 0, bodyMs: BODY_MS, writeMs: WRITE_MS };
  readonly struck: string[] = [];
  readonly done: string[] = [];
  limitReached(limit: string, limitMs: number): void {
    this.struck.push(`${limit} ${limitMs}`);
  }
  exchangeDone(exchange: Http2Exchange): void {
    this.done.push(`${exchange.status} ${exchange.bodyBytes}`);
  }
}

function start(
  fields: Fields,
  { endStream = true, window = 65535 } = {},
): { harness: Harness; owner: Owner; exchange: Http2Exchange; left: string[] } {
  const harness = new Harness();
  harness.send(settings({ initialWindowSize: window }), headers(1, fields, { endStream }));
  harness.frames();
  const owner = new Owner();
  const exchange = new Http2Exchange(harness.streams[0] ?? assert.fail(), harness.heads[0] ?? assert.fail(), 0, owner);
  const left: string[] = [];
  exchange.onClientLeft = () => left.push("left");
  return { harness, owner, exchange, left };
}

const HEAD: ResponseHead = { status: "200 OK", fieldLines: "", contentLength: undefined, close: false };
const STARTED = "headers 1 :status=200 server=tunicorn date=D";

test("a whole response, logged once it is written", () => {
  const { harness, owner, exchange } = start(GET);
  exchange.respond(HEAD, Buffer.from("hello"));
  exchange.respond(HEAD, Buffer.from("again"));
  assert.deepEqual(harness.read(), [STARTED, "data 1 5 END"]);
  assert.deepEqual(owner.done, ["200 5"]);
});

test("a response that waits for its client is logged when the last of it has gone", () => {
  const { harness, owner, exchange } = start(GET, { window: 3 });
  exchange.start(HEAD);
  assert.equal(exchange.body(Buffer.from("hello")), true);
  exchange.end();
  assert.deepEqual(owner.done, []);
  harness.send(windowUpdate(1, 2));
  assert.deepEqual(owner.done, ["200 5"]);
});

test("a client that leaves before the answer is 499, in the middle of it the status with what was sent", () => {
  const early = start(GET);
  early.harness.send(rstStream(1));
  assert.deepEqual([early.owner.done, early.left], [["499 0"], ["left"]]);
  const late = start(GET, { window: 3 });
  late.exchange.start(HEAD);
  late.exchange.body(Buffer.from("hello"));
  late.harness.send(rstStream(1));
  assert.deepEqual([late.owner.done, late.left], [["200 3"], ["left"]]);
  late.exchange.body(Buffer.from("more"));
  late.exchange.end();
  late.exchange.abort();
  assert.equal(late.owner.done.length, 1);
});

test("a refusal is a page while nothing has been answered, afterwards the stream is cut", () => {
  const early = start(GET);
  early.exchange.refuse(503, "Service Unavailable", "<full>", "Retry-After: 1\r\n");
  const [head] = early.harness.read();
  assert.match(head ?? "", /:status=503 .* content-type=text\/html content-length=\d+ retry-after=1$/);
  const late = start(GET);
  late.exchange.start(HEAD);
  late.exchange.refuse(502, "Bad Gateway", "x");
  assert.deepEqual(late.harness.read(), [STARTED, "rstStream 1 INTERNAL_ERROR"]);
  assert.deepEqual([late.owner.done, late.left], [["200 0"], []]);
});

test("a response that comes out too short, or cannot be one, is over all the same", () => {
  const short = start(GET);
  short.exchange.respond({ ...HEAD, contentLength: 9 }, Buffer.from("x"));
  assert.deepEqual(short.owner.done, ["200 1"]);
  const streamed = start(GET);
  streamed.exchange.start({ ...HEAD, contentLength: 9 });
  streamed.exchange.end();
  assert.deepEqual(streamed.owner.done, ["200 0"]);
  const interim = start(GET);
  interim.exchange.respond({ ...HEAD, status: "101 Switching Protocols" }, Buffer.alloc(0));
  assert.deepEqual(interim.owner.done, ["101 0"]);
});

test("a body is read with back-pressure: no window while its reader is full", () => {
  const { harness, exchange } = start(POST, { endStream: false });
  let bytes = 0;
  exchange.readBody({
    onChunk: (chunk) => {
      bytes += chunk.length;
      exchange.pauseBody();
    },
    onEnd: () => {},
  });
  harness.send(data(1, 16384), data(1, 16384), data(1, 16384));
  assert.equal(bytes, 3 * 16384);
  assert.deepEqual(harness.read(), []);
  exchange.resumeBody();
  assert.deepEqual(harness.read(), ["windowUpdate 1 49152"]);
});

test("a body that nobody wants costs its client no window", () => {
  const { harness, exchange } = start(POST, { endStream: false });
  exchange.dropBody();
  harness.send(data(1, 16384), data(1, 16384));
  assert.deepEqual(harness.read(), ["windowUpdate 1 32768"]);
});

test("100 Continue is said once, when the body is wanted", () => {
  const { harness, exchange } = start([...POST, ["expect", "100-continue"]], { endStream: false });
  exchange.allowBody();
  exchange.allowBody();
  exchange.respond(HEAD, Buffer.from("x"));
  assert.deepEqual(harness.read(), ["headers 1 :status=100", STARTED, "data 1 1 END", "rstStream 1 NO_ERROR"]);
  const plain = start(POST, { endStream: false });
  plain.exchange.allowBody();
  assert.deepEqual(plain.harness.read(), []);
});

test("a body that comes too slowly is refused, unless we keep it waiting", () => {
  const { harness, owner, exchange, left } = start(POST, { endStream: false });
  exchange.pauseBody();
  exchange.sweep(BODY_MS);
  assert.deepEqual(owner.struck, []);
  exchange.resumeBody();
  exchange.sweep(2 * BODY_MS - 1);
  assert.deepEqual(owner.struck, []);
  exchange.sweep(2 * BODY_MS);
  assert.deepEqual([owner.struck, left], [[`body-timeout ${BODY_MS}`], ["left"]]);
  assert.match(harness.read()[0] ?? "", /^headers 1 :status=408/);
  assert.match(owner.done[0] ?? "", /^408 /);
});

test("a client that opens no window loses its answer", () => {
  const { harness, owner, exchange, left } = start(GET, { window: 0 });
  exchange.respond(HEAD, Buffer.from("hello"));
  exchange.start(HEAD);
  assert.deepEqual(left, []);
  const streamed = start(GET, { window: 0 });
  streamed.exchange.start(HEAD);
  streamed.exchange.body(Buffer.from("hello"));
  streamed.exchange.sweep(1);
  streamed.exchange.sweep(WRITE_MS);
  assert.deepEqual(streamed.owner.struck, []);
  streamed.exchange.sweep(WRITE_MS + 1);
  assert.deepEqual(streamed.owner.struck, [`write-timeout ${WRITE_MS}`]);
  assert.deepEqual([streamed.owner.done, streamed.left], [["200 0"], ["left"]]);
  assert.equal(streamed.harness.read().at(-1), "rstStream 1 CANCEL");
  // The same for an answer that was given whole.
  exchange.sweep(1);
  exchange.sweep(WRITE_MS + 1);
  assert.equal(harness.read().at(-1), "rstStream 1 CANCEL");
  assert.equal(owner.done.length, 1);
});

test("a queued request is given up when its client has said that it sends no more", () => {
  const { harness, owner, exchange } = start(GET);
  exchange.withdraw = () => false;
  exchange.giveUpQueued();
  assert.deepEqual(owner.done, []);
  exchange.withdraw = () => true;
  exchange.giveUpQueued();
  assert.deepEqual(owner.done, ["499 0"]);
  assert.deepEqual(harness.read(), ["rstStream 1 CANCEL"]);
});
