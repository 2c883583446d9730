import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import type { BodyEnd } from "../../../src/request/exchange.ts";
import { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { hostileCase } from "./hostile-cases.ts";
import { comparable, cutAt, everyByte, type GunicornSettings, outcomeOf, peerOf, policyOf } from "./outcome.ts";

const PEER = peerOf({ trusted: true, secure: false });

/** Notes every call as a line of text; does nothing by itself. */
class Log implements RequestHandler {
  readonly lines: string[] = [];
  readonly heads: RequestHead[] = [];
  readonly chunks: Buffer[] = [];

  onHead(head: RequestHead): void {
    this.heads.push(head);
    this.lines.push(`${head.method} ${head.target}`);
  }

  onBody(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.lines.push(`body ${chunk.latin1Slice()}`);
  }

  onBodyEnd(end: BodyEnd): void {
    this.lines.push(end);
  }

  onError(error: ProtocolError, head: RequestHead | undefined): void {
    this.lines.push(`${error.code}${head === undefined ? "" : " logged"}`);
  }

  onClose(): void {
    this.lines.push("close");
  }
}

function start(settings: GunicornSettings = {}): { log: Log; parser: Http1Parser } {
  const log = new Log();
  return { log, parser: new Http1Parser(policyOf(settings), PEER, log) };
}

const bytes = (text: string) => Buffer.from(text, "latin1");

test("a request without a body is complete with its head, and the next one waits for next()", () => {
  const { log, parser } = start();
  parser.feed(bytes("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  assert.deepEqual(log.lines, ["GET /a"]);
  assert.deepEqual(log.heads[0]?.framing, { kind: "none" });
  assert.equal(parser.awaiting, "next");
  assert.equal(parser.heldBytes, "GET /b HTTP/1.1\r\n\r\n".length);
  assert.equal(parser.headStarted, false);
  parser.next();
  assert.deepEqual(log.lines, ["GET /a", "GET /b"]);
  assert.equal(parser.heldBytes, 0);
});

test("the head says all that RequestHead promises", () => {
  const { log, parser } = start();
  parser.feed(
    bytes(
      "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nSCRIPT_NAME: /a\r\nX-Forwarded-Proto: https\r\nContent-Length: 2\r\n\r\n",
    ),
  );
  const [{ names, peer, ...rest } = assert.fail("no head")] = log.heads;
  assert.equal(peer, PEER);
  assert.deepEqual(
    names.map(({ lower }) => lower),
    ["host", "expect", "script_name", "x-forwarded-proto", "content-length"],
  );
  assert.deepEqual(rest, {
    method: "POST",
    target: "/a%20b?x=1",
    path: "/a b",
    rawPath: "/a%20b",
    query: "x=1",
    protocol: "HTTP/1.1",
    scheme: "https",
    scriptName: "/a",
    values: ["h", "100-continue", "/a", "https", "2"],
    framing: { kind: "length", bytes: 2 },
    expectsContinue: true,
    keepAlive: true,
  });
});

test("body chunks are views of what was fed", () => {
  const { log, parser } = start();
  const chunk = bytes("PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello");
  const more = bytes("world");
  parser.feed(chunk);
  parser.feed(more);
  assert.deepEqual(log.lines, ["PUT /", "body hello", "body world", "complete"]);
  assert.equal(log.chunks[0]?.buffer, chunk.buffer);
  assert.equal(log.chunks[1]?.buffer, more.buffer);
});

test("a chunked body, its trailers and the request behind it", () => {
  const { log, parser } = start();
  parser.feed(bytes("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  assert.deepEqual(log.lines, ["PUT /", "body hello", "complete"]);
  assert.deepEqual(parser.trailers?.values, ["1"]);
  parser.next();
  assert.deepEqual(log.lines.slice(3), ["GET /b"]);
  assert.equal(parser.trailers, undefined);
});

/** What the end of the input means (protocols §1.1, §1.7). */
const ENDS = [
  { name: "before any byte", text: "", lines: ["close"] },
  { name: "inside the request line", text: "GET /", lines: ["close"] },
  { name: "inside the fields", text: "GET / HTTP/1.1\r\nHost", lines: ["close"] },
  { name: "behind an empty line", text: "\r\n", lines: ["close"] },
  { name: "inside a Content-Length body", text: "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab", lines: ["PUT /", "body ab", "short"] },
  { name: "before a Content-Length body", text: "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", lines: ["PUT /", "short"] },
  { name: "inside a chunk", text: "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", lines: ["PUT /", "body ab", "close"] },
  {
    name: "behind the last chunk",
    text: "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    lines: ["PUT /", "bad-chunk logged"],
  },
];

for (const { name, text, lines } of ENDS) {
  test(`the input ends ${name}`, () => {
    const { log, parser } = start();
    if (text !== "") parser.feed(bytes(text));
    parser.eof();
    assert.deepEqual(log.lines, lines);
  });
}

test("requests that came before the end of the input are served, then the parser closes", () => {
  const { log, parser } = start();
  parser.feed(bytes("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  parser.eof();
  assert.deepEqual(log.lines, ["GET /a"]);
  parser.next();
  parser.next();
  assert.deepEqual(log.lines, ["GET /a", "GET /b", "close"]);
  assert.equal(parser.awaiting, "closed");
});

test("a short body ends the request, and the connection with the next one", () => {
  const log = new Log();
  const parser: Http1Parser = new Http1Parser(policyOf({}), PEER, log);
  log.onBodyEnd = (end) => {
    log.lines.push(end);
    parser.next();
  };
  parser.feed(bytes("PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"));
  parser.eof();
  assert.deepEqual(log.lines, ["PUT /", "body ab", "short", "close"]);
});

/** Faults, with `logged` where Gunicorn has a request to log (protocols §1.9). */
const FAULTS = [
  { text: "GET / HTTP/1.1\n", code: "bad-request-line" },
  { text: "\nGET / HTTP/1.1\r\n", code: "bad-request-line" },
  { text: "\r\n\r\n", code: "bad-request-line" },
  { text: "GE T\r\n", code: "bad-request-line" },
  { text: "GET / HTTP/1.1\r\nA: b\n", code: "bad-header" },
  { text: "GET / HTTP/1.1\r\nA b\r\n\r\n", code: "bad-header" },
  { text: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", code: "repeated-header logged" },
  { text: "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", code: "bad-content-length logged" },
  { text: "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", code: "bad-transfer-encoding logged" },
  { text: "GET / HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n", code: "unsupported-transfer-coding" },
];

for (const { text, code } of FAULTS) {
  test(`${JSON.stringify(text)} is refused with ${code}, and nothing is read after it`, () => {
    const { log, parser } = start();
    parser.feed(bytes(text));
    assert.deepEqual(log.lines, [code]);
    assert.equal(parser.awaiting, "closed");
    assert.equal(parser.heldBytes, 0);
    parser.feed(bytes("GET / HTTP/1.1\r\n\r\n"));
    parser.eof();
    parser.next();
    assert.deepEqual(log.lines, [code]);
  });
}

test("faults of framing carry the fields, repeated ones do not (Gunicorn's access line)", () => {
  const seen: (RequestHead | undefined)[] = [];
  for (const fields of ["Content-Length: x\r\nA: b\r\n", "Host: a\r\nHost: b\r\n"]) {
    const { log, parser } = start();
    log.onError = (_error, head) => seen.push(head);
    parser.feed(bytes(`GET /x HTTP/1.1\r\n${fields}\r\n`));
  }
  assert.deepEqual(
    seen.map((head) => ({ target: head?.target, values: head?.values })),
    [
      { target: "/x", values: ["x", "b"] },
      { target: "/x", values: [] },
    ],
  );
});

test("a handler refuses a request by throwing from onHead", () => {
  const { log, parser } = start();
  log.onHead = () => {
    throw new ProtocolError("bad-script-name", "outside");
  };
  parser.feed(bytes("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  assert.deepEqual(log.lines, ["bad-script-name logged"]);
  assert.equal(parser.awaiting, "closed");
});

test("a request line as long as limit_request_line is taken, one byte more is not, complete or not", () => {
  const settings = { limit_request_line: 20 };
  const line = "GET /567890 HTTP/1.1"; // 20 bytes
  for (const [text, lines] of [
    [`${line}\r\n\r\n`, ["GET /567890"]],
    [`\r\n${line}\r\n\r\n`, ["GET /567890"]],
    [`${line}1\r\n\r\n`, ["request-line-too-long"]],
    ["x".repeat(22), []],
    ["x".repeat(23), ["request-line-too-long"]],
  ] as const) {
    const { log, parser } = start(settings);
    parser.feed(bytes(text));
    assert.deepEqual(log.lines, lines, JSON.stringify(text));
  }
});

test("a header section is bounded while it is incomplete", () => {
  const { log, parser } = start({ limit_request_fields: 2, limit_request_field_size: 10 });
  parser.feed(bytes(`GET / HTTP/1.1\r\n${"x".repeat(28)}`));
  assert.deepEqual(log.lines, []);
  parser.feed(bytes("x"));
  assert.deepEqual(log.lines, ["headers-too-large"]);
});

for (const [name, text] of [
  ["CONNECT", "CONNECT h:443 HTTP/1.1\r\n\r\n"],
  ["a compressed body", "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["Connection: te, close", "GET / HTTP/1.1\r\nConnection: te, close\r\n\r\n"],
  ["a second Connection field", "GET / HTTP/1.1\r\nConnection: te\r\nConnection: close\r\n\r\n"],
  ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
] as const) {
  test(`the connection closes after ${name} (protocols §1.10)`, () => {
    const { log, parser } = start();
    parser.feed(bytes(text));
    assert.equal(log.heads[0]?.keepAlive, false);
  });
}

test("headStarted tells a head under way from an idle connection", () => {
  const { parser } = start();
  assert.equal(parser.headStarted, false);
  parser.feed(bytes("G"));
  assert.equal(parser.headStarted, true);
  parser.feed(bytes("ET / HTTP/1.1\r\n"));
  assert.equal(parser.headStarted, true);
  parser.feed(bytes("\r\n"));
  assert.equal(parser.headStarted, false);
  parser.next();
  assert.equal(parser.headStarted, false);
});

test("next() out of turn is our own mistake", () => {
  const { parser } = start();
  assert.throws(() => parser.next(), /while the parser awaits head/);
});

test("10,000 pipelined requests in one chunk, each asking for the next from its handler", () => {
  const log = new Log();
  const parser: Http1Parser = new Http1Parser(policyOf({}), PEER, log);
  let bodies = 0;
  log.onHead = (head) => {
    log.heads.push(head);
    if (head.framing.kind === "none") parser.next();
  };
  log.onBodyEnd = () => {
    bodies += 1;
    parser.next();
  };
  parser.feed(bytes("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPUT /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nx".repeat(5000)));
  assert.equal(log.heads.length, 10_000);
  assert.equal(bodies, 5000);
});

for (const event of ["onHead", "onBody", "onBodyEnd"] as const) {
  test(`close() from ${event} stops everything`, () => {
    const { log, parser } = start();
    const original = log[event].bind(log) as (argument: never) => void;
    log[event] = (argument: never) => {
      original(argument);
      parser.close();
    };
    parser.feed(bytes("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
    parser.eof();
    const lines = ["PUT /", "body a", "body b", "complete"];
    assert.deepEqual(log.lines, lines.slice(0, { onHead: 1, onBody: 2, onBodyEnd: 4 }[event]));
  });
}

test("a head of many small pieces is searched once, not again for each piece", () => {
  const { log, parser } = start();
  parser.feed(bytes("GET / HTTP/1.1\r\n"));
  for (let count = 0; count < 90; count += 1)
    for (const piece of everyByte(bytes(`X-${count}: ${"v".repeat(3000)}\r\n`))) parser.feed(piece);
  parser.feed(bytes("\r\n"));
  assert.equal(log.heads[0]?.values.length, 90);
});

test("what comes out does not depend on how the input was cut", () => {
  fc.assert(
    fc.property(hostileCase, fc.array(fc.nat(2000), { maxLength: 12 }), (one, places) => {
      const input = bytes(one.bytes);
      const policy = policyOf(one.settings);
      const peer = peerOf(one);
      const whole = comparable(outcomeOf([input], policy, peer));
      assert.equal(comparable(outcomeOf(everyByte(input), policy, peer)), whole);
      assert.equal(comparable(outcomeOf(cutAt(input, places), policy, peer)), whole);
    }),
    { numRuns: 1500 },
  );
});

test("arbitrary bytes never make the parser throw, and every request ends in a report", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    fc
      .constantFrom("GET / HTTP/1.1", "\r\n", "\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 3", "0", ":", ";", " ", "\n")
      .map(bytes),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const { log, parser } = start();
      for (const part of pieces) {
        parser.feed(part);
        while (parser.awaiting === "next") parser.next();
      }
      parser.eof();
      while (parser.awaiting === "next") parser.next();
      assert.equal(parser.awaiting, "closed");
      assert.equal(
        log.lines.filter((line) => line === "close" || /^(?:bad|headers|request|unsupported|expectation|repeated|obsolete)-/.test(line))
          .length,
        1,
      );
    }),
    { numRuns: 3000 },
  );
});
