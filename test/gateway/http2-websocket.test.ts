import assert from "node:assert/strict";
import { test } from "node:test";
import { Http2Exchange, type Http2ExchangeOwner } from "../../src/gateway/http2-exchange.ts";
import { Http2Websocket } from "../../src/gateway/http2-websocket.ts";
import type { ResponseHead, TunnelUser } from "../../src/request/exchange.ts";
import { block, data, type Fields, frame, headers, rstStream, settings, windowUpdate } from "../protocol/http2/frames.ts";
import { Harness } from "../protocol/http2/harness.ts";

const WRITE_MS = 30_000;
const ASKED: Fields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":path", "/chat"],
  [":authority", "h"],
  ["sec-websocket-version", "13"],
];
const ACCEPTED = "headers 1 :status=200 server=tunicorn date=D";

/** The connection's part, and the user of the tunnel, by the test. */
class Stage implements Http2ExchangeOwner, TunnelUser {
  readonly date = "D";
  readonly limits = { idleMs: 0, proxyIdleMs: 0, headMs: 0, drainHeadMs: 0, bodyMs: 1, writeMs: WRITE_MS };
  readonly struck: string[] = [];
  readonly logged: string[] = [];
  /** What the user was told. */
  readonly told: string[] = [];
  readonly harness: Harness;
  readonly exchange: Http2Exchange;
  readonly websocket: Http2Websocket;
  /** Called with each piece of the client's bytes. */
  onPiece: (() => void) | undefined;

  constructor({ fields = ASKED, endStream = false, window = 65535 } = {}) {
    this.harness = new Harness({ settings: { extendedConnect: true } });
    this.harness.send(settings({ initialWindowSize: window }), headers(1, fields, { endStream }));
    this.harness.frames();
    const [stream = assert.fail(), [head = assert.fail()]] = [this.harness.streams[0], this.harness.heads];
    this.exchange = new Http2Exchange(stream, head, 0, this);
    this.websocket = new Http2Websocket(this.exchange, stream.requestEnded);
    this.exchange.websocket = this.websocket;
  }

  limitReached(limit: string, limitMs: number): void {
    this.struck.push(`${limit} ${limitMs}`);
  }
  exchangeDone(exchange: Http2Exchange): void {
    this.logged.push(`${exchange.status} ${exchange.bodyBytes}`);
  }
  onBytes(chunk: Buffer): void {
    this.told.push(`bytes ${chunk.length > 20 ? chunk.length : chunk.latin1Slice()}`);
    this.onPiece?.();
  }
  onDrain(): void {
    this.told.push("drain");
  }
  onEnd(): void {
    this.told.push("end");
  }
  onGone(): void {
    this.told.push("gone");
  }

  accept(fieldLines = ""): void {
    this.websocket.accept(fieldLines, this).resume();
  }
  read(): string[] {
    return this.harness.read();
  }
}

test("the acceptance is 200, with what the application adds; then bytes go both ways", () => {
  const stage = new Stage();
  stage.websocket.check();
  stage.accept("Sec-WebSocket-Protocol: chat\r\n");
  assert.deepEqual(stage.read(), [`${ACCEPTED} sec-websocket-protocol=chat`]);
  assert.equal(stage.websocket.write(Buffer.from("abc")), true);
  assert.equal(stage.websocket.write("\xe4"), true);
  stage.harness.send(data(1, "hello"), data(1, "world"));
  assert.deepEqual(stage.read(), ["data 1 3", "data 1 1"]);
  assert.deepEqual(stage.told, ["bytes hello", "bytes world"]);
  assert.deepEqual(stage.logged, []);
});

test("all fields of extensions, and a version that is not 13", () => {
  const extensions: Fields = [
    ["sec-websocket-extensions", "a; b"],
    ["sec-websocket-extensions", "c"],
  ];
  assert.equal(new Stage({ fields: [...ASKED, ...extensions] }).websocket.extensions, "a; b, c");
  const stage = new Stage({ fields: [...ASKED.slice(0, 5), ["sec-websocket-version", "8"]] });
  assert.equal(stage.websocket.extensions, undefined);
  assert.throws(() => stage.websocket.check(), { code: "bad-websocket-version-in-http2" });
});

test("a key is not asked for, and no proof is given", () => {
  const stage = new Stage({ fields: [...ASKED, ["sec-websocket-key", "x"]] });
  stage.websocket.check();
  stage.accept();
  assert.deepEqual(stage.read(), [ACCEPTED]);
});

test("frames that come byte by byte give the same bytes", () => {
  const stage = new Stage();
  stage.accept();
  const sent = Buffer.concat([data(1, "hello"), frame(0, 8, 1, Buffer.from("\x02abXX", "latin1")), data(1, ""), data(1, "!", true)]);
  for (const byte of sent) stage.harness.send(Buffer.from([byte]));
  assert.equal(stage.told.map((word) => word.replace("bytes ", "")).join(""), "helloab!end");
});

test("what comes before the acceptance is kept, up to the window, and then read", () => {
  const stage = new Stage();
  stage.harness.send(data(1, 16384), data(1, 16384), data(1, 16384));
  assert.deepEqual([stage.read(), stage.told], [[], []]);
  stage.accept();
  assert.deepEqual(stage.told, ["bytes 16384", "bytes 16384", "bytes 16384"]);
  assert.deepEqual(stage.read(), [ACCEPTED, "windowUpdate 1 49152"]);
});

test("a user who pauses gets what the window allows and no more, until it resumes", () => {
  const stage = new Stage();
  stage.accept();
  stage.read();
  stage.websocket.pause();
  stage.harness.send(...[0, 1, 2, 3].map(() => data(1, 16383)));
  assert.deepEqual(stage.read(), []);
  stage.harness.send(data(1, 16384));
  assert.deepEqual(stage.read(), ["rstStream 1 FLOW_CONTROL_ERROR"]);
  const polite = new Stage();
  polite.accept();
  polite.read();
  polite.onPiece = () => polite.websocket.pause();
  polite.harness.send(data(1, 16384), data(1, 16384), data(1, 16384));
  assert.deepEqual([polite.told.length, polite.read()], [1, []]);
  polite.websocket.resume();
  assert.deepEqual([polite.told.length, polite.read()], [2, []]);
  polite.onPiece = undefined;
  polite.websocket.resume();
  assert.equal(polite.told.length, 3);
  assert.deepEqual(polite.read(), ["windowUpdate 1 49152"]);
});

test("a user who pauses at the first of what was held gets no more, and the client no window", () => {
  const stage = new Stage();
  stage.onPiece = () => stage.websocket.pause();
  stage.harness.send(data(1, 16384), data(1, 16384), data(1, 16384));
  stage.accept();
  assert.deepEqual([stage.told.length, stage.read()], [1, [ACCEPTED]]);
});

test("the client's end waits for a user who has paused", () => {
  const stage = new Stage();
  stage.accept();
  stage.websocket.pause();
  stage.harness.send(data(1, "x", true));
  assert.deepEqual(stage.told, []);
  stage.websocket.resume();
  stage.websocket.resume();
  assert.deepEqual(stage.told, ["bytes x", "end"]);
});

test("a user who pauses and resumes while it is given bytes gets them in order", () => {
  const stage = new Stage();
  stage.harness.send(data(1, "a".repeat(16384)), data(1, "b".repeat(16384)), data(1, "c"));
  stage.onPiece = () => {
    stage.websocket.pause();
    stage.websocket.resume();
  };
  stage.accept();
  assert.deepEqual(stage.told, ["bytes 16384", "bytes 16384", "bytes c"]);
});

test("a client that opens no window is waited for, and drains", () => {
  const stage = new Stage({ window: 10 });
  stage.accept();
  assert.equal(stage.websocket.write(Buffer.alloc(40_000)), false);
  assert.deepEqual(stage.read(), [ACCEPTED, "data 1 10"]);
  stage.harness.send(windowUpdate(1, 20_000));
  assert.deepEqual(stage.told, ["drain"]);
});

test("the client's end is told, before the acceptance or after it", () => {
  const late = new Stage();
  late.accept();
  late.harness.send(data(1, "x", true));
  assert.deepEqual(late.told, ["bytes x", "end"]);
  const early = new Stage();
  early.harness.send(data(1, "x", true));
  early.accept();
  assert.deepEqual(early.told, ["bytes x", "end"]);
  const atOnce = new Stage({ endStream: true });
  atOnce.accept();
  assert.deepEqual(atOnce.told, ["end"]);
});

test("the user's end comes behind what was written; what the client still sends costs nothing", () => {
  const stage = new Stage({ window: 3 });
  stage.accept();
  stage.websocket.write(Buffer.from("hello"));
  stage.websocket.end();
  stage.websocket.end();
  stage.websocket.cut();
  assert.equal(stage.websocket.write(Buffer.from("late")), true);
  assert.deepEqual(stage.read(), [ACCEPTED, "data 1 3"]);
  stage.harness.send(data(1, 16384), data(1, 16384));
  assert.deepEqual([stage.told, stage.logged], [[], []]);
  stage.harness.send(windowUpdate(1, 9));
  assert.deepEqual(stage.read(), ["windowUpdate 1 32768", "data 1 2 END", "rstStream 1 NO_ERROR"]);
  assert.deepEqual(stage.logged, ["200 5"]);
});

test("both have ended: no reset", () => {
  const stage = new Stage();
  stage.accept();
  stage.harness.send(data(1, "bye", true));
  stage.websocket.end();
  assert.deepEqual(stage.read(), [ACCEPTED, "data 1 0 END"]);
  assert.equal(stage.harness.connection.openStreams, 0);
});

test("a cut is RST_STREAM CANCEL, and the connection goes on", () => {
  const stage = new Stage();
  stage.accept();
  stage.websocket.cut();
  assert.deepEqual(stage.read(), [ACCEPTED, "rstStream 1 CANCEL"]);
  assert.deepEqual([stage.logged, stage.told, stage.harness.end], [["200 0"], [], undefined]);
});

for (const { name, leave, seen } of [
  { name: "RST_STREAM", leave: (stage: Stage) => stage.harness.send(rstStream(1)), seen: [] },
  { name: "the connection's end", leave: (stage: Stage) => stage.harness.connection.clientLeft(), seen: [] },
  { name: "a FIN of the connection", leave: (stage: Stage) => stage.harness.connection.inputEnded(), seen: ["goaway 1 NO_ERROR"] },
  {
    name: "trailers, which a tunnel has not (RFC 9113 §8.5)",
    leave: (stage: Stage) => stage.harness.send(frame(1, 5, 1, block([["x", "y"]]))),
    seen: ["rstStream 1 PROTOCOL_ERROR"],
  },
]) {
  test(`a client that leaves by ${name}`, () => {
    const open = new Stage();
    open.accept();
    open.websocket.write("x");
    open.read();
    leave(open);
    if (!name.startsWith("a FIN")) assert.deepEqual(open.read(), seen);
    assert.deepEqual([open.told, open.logged], [["gone"], ["200 1"]]);
    open.websocket.write("y");
    open.websocket.resume();
    open.websocket.end();
    assert.deepEqual([open.told, open.logged], [["gone"], ["200 1"]]);
    const asked = new Stage();
    let left = 0;
    asked.exchange.onClientLeft = () => {
      left += 1;
    };
    leave(asked);
    assert.deepEqual([left, asked.logged], [1, ["499 0"]]);
  });
}

test("a client that takes nothing for write_timeout is left, and the user told", () => {
  const stage = new Stage({ window: 0 });
  stage.accept();
  stage.websocket.write("hello");
  stage.exchange.sweep(1);
  stage.exchange.sweep(WRITE_MS + 1);
  assert.deepEqual([stage.struck, stage.told, stage.logged], [[`write-timeout ${WRITE_MS}`], ["gone"], ["200 0"]]);
  assert.deepEqual(stage.read(), [ACCEPTED, "rstStream 1 CANCEL"]);
});

test("silence is no slow body", () => {
  const stage = new Stage();
  stage.exchange.sweep(1e9);
  stage.accept();
  stage.exchange.sweep(2e9);
  assert.deepEqual(stage.struck, []);
});

const head = (status: string): ResponseHead => ({ status, fieldLines: "X: y\r\n", contentLength: undefined, close: false });

for (const { status, shown } of [
  { status: "401 Unauthorized", shown: "401" },
  { status: "302 Found", shown: "302" },
  { status: "200 OK", shown: "403" },
  { status: "204 No Content", shown: "403" },
]) {
  test(`a denial of ${status} is ${shown}: every 2xx would accept`, () => {
    const whole = new Stage();
    whole.exchange.respond(head(status), Buffer.from("no"));
    const streamed = new Stage();
    streamed.exchange.start(head(status));
    streamed.exchange.body(Buffer.from("no"));
    streamed.exchange.end();
    for (const stage of [whole, streamed]) {
      const [first, second] = stage.read();
      assert.deepEqual([first, second?.startsWith("data 1 2")], [`headers 1 :status=${shown} server=tunicorn date=D x=y`, true]);
      assert.deepEqual(stage.logged, [`${shown} 2`]);
    }
  });
}
