import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONTINUE, Http1Response, refusalPage } from "../../../src/protocol/http1/response-writer.ts";
import type { ResponseHead } from "../../../src/request/exchange.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";

interface Exchange {
  readonly method?: string;
  readonly protocol?: string;
  readonly keepAlive?: boolean;
  readonly closing?: boolean;
  readonly status?: string;
  readonly contentLength?: number;
  readonly close?: boolean;
}

function respond(exchange: Exchange): { response: Http1Response; head: ResponseHead; closing: boolean } {
  const {
    method = "GET",
    protocol = "HTTP/1.1",
    keepAlive = true,
    closing = false,
    status = "200 OK",
    contentLength,
    close = false,
  } = exchange;
  const length = contentLength === undefined ? "" : `Content-Length: ${contentLength}\r\n`;
  const head = { status, fieldLines: `X: y\r\n${length}`, contentLength, close };
  return { response: new Http1Response({ method, protocol, keepAlive }), head, closing };
}

/** The response in the pieces that `start`, `body` and `end` give. */
function streamed(exchange: Exchange, chunks: readonly string[]): { text: string; response: Http1Response } {
  const { response, head, closing } = respond(exchange);
  let text = response.start(head, DATE, closing);
  for (const chunk of chunks) for (const piece of response.body(Buffer.from(chunk, "latin1"))) text += piece.latin1Slice();
  text += response.end();
  return { text, response };
}

function whole(exchange: Exchange, body: string): { text: string; response: Http1Response } {
  const { response, head, closing } = respond(exchange);
  const text = response.whole(head, Buffer.from(body, "latin1"), DATE, closing).latin1Slice();
  return { text, response };
}

/** What is between Connection and the application's own line, and what comes behind the head. */
function lines(status: string, connection: string, framing: string, fields: string, body: string, protocol = "HTTP/1.1"): string {
  return `${protocol} ${status}\r\nServer: tunicorn\r\nDate: ${DATE}\r\nConnection: ${connection}\r\n${framing}X: y\r\n${fields}\r\n${body}`;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** protocols §3.1, with the body in one piece; keepAlive is what the connection may do afterwards. */
const RESPONSES: { name: string; exchange: Exchange; body: string; text: string; keepAlive: boolean }[] = [
  {
    name: "a body with its length",
    exchange: { contentLength: 5 },
    body: "hello",
    text: lines("200 OK", "keep-alive", "", "Content-Length: 5\r\n", "hello"),
    keepAlive: true,
  },
  {
    name: "an empty body with its length",
    exchange: { contentLength: 0 },
    body: "",
    text: lines("200 OK", "keep-alive", "", "Content-Length: 0\r\n", ""),
    keepAlive: true,
  },
  {
    name: "a body without a length: chunks",
    exchange: {},
    body: "hello",
    text: lines("200 OK", "keep-alive", CHUNKED, "", "5\r\nhello\r\n0\r\n\r\n"),
    keepAlive: true,
  },
  {
    name: "chunk sizes in capitals",
    exchange: {},
    body: "x".repeat(27),
    text: lines("200 OK", "keep-alive", CHUNKED, "", `1B\r\n${"x".repeat(27)}\r\n0\r\n\r\n`),
    keepAlive: true,
  },
  {
    name: "an empty body without a length",
    exchange: {},
    body: "",
    text: lines("200 OK", "keep-alive", CHUNKED, "", "0\r\n\r\n"),
    keepAlive: true,
  },
  {
    name: "HTTP/1.0 without a length: to the close",
    exchange: { protocol: "HTTP/1.0" },
    body: "hello",
    text: lines("200 OK", "close", "", "", "hello", "HTTP/1.0"),
    keepAlive: false,
  },
  {
    name: "HTTP/1.0 with a length",
    exchange: { protocol: "HTTP/1.0", contentLength: 5 },
    body: "hello",
    text: lines("200 OK", "keep-alive", "", "Content-Length: 5\r\n", "hello", "HTTP/1.0"),
    keepAlive: true,
  },
  {
    name: "HTTP/1.2 is echoed",
    exchange: { protocol: "HTTP/1.2" },
    body: "",
    text: lines("200 OK", "keep-alive", CHUNKED, "", "0\r\n\r\n", "HTTP/1.2"),
    keepAlive: true,
  },
  {
    name: "a client that wants to close",
    exchange: { keepAlive: false, contentLength: 1 },
    body: "a",
    text: lines("200 OK", "close", "", "Content-Length: 1\r\n", "a"),
    keepAlive: false,
  },
  {
    name: "a server that wants to close",
    exchange: { closing: true, contentLength: 1 },
    body: "a",
    text: lines("200 OK", "close", "", "Content-Length: 1\r\n", "a"),
    keepAlive: false,
  },
  {
    name: "an application that wants to close (§9.3)",
    exchange: { close: true },
    body: "a",
    text: lines("200 OK", "close", CHUNKED, "", "1\r\na\r\n0\r\n\r\n"),
    keepAlive: false,
  },
  {
    name: "more body than its length is cut",
    exchange: { contentLength: 3 },
    body: "hello",
    text: lines("200 OK", "keep-alive", "", "Content-Length: 3\r\n", "hel"),
    keepAlive: true,
  },
  {
    name: "HEAD keeps the length and drops the body",
    exchange: { method: "HEAD", contentLength: 5 },
    body: "hello",
    text: lines("200 OK", "keep-alive", "", "Content-Length: 5\r\n", ""),
    keepAlive: true,
  },
  {
    name: "HEAD without a length is not chunked",
    exchange: { method: "HEAD" },
    body: "hello",
    text: lines("200 OK", "keep-alive", "", "", ""),
    keepAlive: true,
  },
  {
    name: "304 keeps the length",
    exchange: { status: "304 Not Modified", contentLength: 5 },
    body: "",
    text: lines("304 Not Modified", "keep-alive", "", "Content-Length: 5\r\n", ""),
    keepAlive: true,
  },
  {
    name: "204 loses the length",
    exchange: { status: "204 No Content", contentLength: 5 },
    body: "hello",
    text: lines("204 No Content", "keep-alive", "", "", ""),
    keepAlive: true,
  },
  {
    name: "a final 1xx loses the length, and the connection: nobody could tell the next response from it",
    exchange: { status: "102", contentLength: 0 },
    body: "",
    text: lines("102", "close", "", "", ""),
    keepAlive: false,
  },
  {
    name: "204 to HTTP/1.0 stays open",
    exchange: { status: "204", protocol: "HTTP/1.0" },
    body: "",
    text: lines("204", "keep-alive", "", "", "", "HTTP/1.0"),
    keepAlive: true,
  },
];

for (const { name, exchange, body, text, keepAlive } of RESPONSES) {
  test(`a whole response: ${name}`, () => {
    const written = whole(exchange, body);
    assert.equal(written.text, text);
    assert.equal(written.response.keepAlive, keepAlive);
  });

  test(`a streamed response: ${name}`, () => {
    const written = streamed(exchange, [body]);
    assert.equal(written.text, text);
    assert.equal(written.response.keepAlive, keepAlive);
  });
}

test("a body shorter than its length closes the connection (§9.3); whole, the head can still say so", () => {
  const short = { contentLength: 5 };
  const atOnce = whole(short, "abc");
  assert.equal(atOnce.text, lines("200 OK", "close", "", "Content-Length: 5\r\n", "abc"));
  assert.equal(atOnce.response.keepAlive, false);
  const inPieces = streamed(short, ["ab", "c"]);
  assert.equal(inPieces.text, lines("200 OK", "keep-alive", "", "Content-Length: 5\r\n", "abc"));
  assert.equal(inPieces.response.keepAlive, false);
});

test("a response without a body may announce a length that never comes", () => {
  assert.equal(whole({ method: "HEAD", contentLength: 5 }, "").response.keepAlive, true);
  assert.equal(streamed({ status: "304", contentLength: 5 }, []).response.keepAlive, true);
});

test("empty pieces never end a chunked body", () => {
  assert.equal(streamed({}, ["", "a", "", "b"]).text, lines("200 OK", "keep-alive", CHUNKED, "", "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
});

test("the length is cut across pieces", () => {
  assert.equal(streamed({ contentLength: 3 }, ["ab", "cd", "ef"]).text, lines("200 OK", "keep-alive", "", "Content-Length: 3\r\n", "abc"));
});

test("large chunks are framed without being copied", () => {
  const { response, head, closing } = respond({});
  response.start(head, DATE, closing);
  const chunk = Buffer.alloc(16385, "x");
  const pieces = response.body(chunk);
  assert.equal(pieces[1], chunk);
  assert.equal(Buffer.concat(pieces).latin1Slice(), `4001\r\n${chunk.latin1Slice()}\r\n`);
});

test("bodyBytes counts what was given out", () => {
  assert.equal(whole({}, "hello").response.bodyBytes, 5);
  assert.equal(streamed({ contentLength: 3 }, ["hello"]).response.bodyBytes, 3);
  const { response } = streamed({ method: "HEAD" }, ["hello", "!"]);
  assert.deepEqual(response.bodyBytes, 0);
});

test("every spelling of Content-Length is removed from a 204, and nothing else", () => {
  const response = new Http1Response({ method: "GET", protocol: "HTTP/1.1", keepAlive: true });
  const fieldLines = "CONTENT-length: 5\r\nX-Content-Length: 6\r\nA: content-length: 7\r\ncontent-length:5\r\n";
  const text = response.start({ status: "204", fieldLines, contentLength: 5, close: false }, DATE, false);
  assert.ok(text.endsWith("Connection: keep-alive\r\nX-Content-Length: 6\r\nA: content-length: 7\r\n\r\n"));
});

test("whole and streamed responses carry the same body", () => {
  const exchange = fc.record(
    {
      method: fc.constantFrom("GET", "HEAD"),
      protocol: fc.constantFrom("HTTP/1.0", "HTTP/1.1"),
      status: fc.constantFrom("200 OK", "204", "304", "500 x"),
      contentLength: fc.nat(20),
      closing: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(exchange, fc.string({ maxLength: 20, unit: "binary-ascii" }), (given, body) => {
      const atOnce = whole(given, body);
      const inPieces = streamed(given, [body]);
      const behindConnection = (text: string) => text.replace(/Connection: [a-z-]+/, "");
      assert.equal(behindConnection(atOnce.text), behindConnection(inPieces.text));
      assert.equal(atOnce.response.keepAlive, inPieces.response.keepAlive);
    }),
  );
});

test("informational responses and 100 Continue", () => {
  assert.equal(Http1Response.informational("103 Early Hints", "Link: </a>\r\n"), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  assert.equal(CONTINUE, Http1Response.informational("100 Continue", ""));
});

test("refusalPage is Gunicorn's page to the byte (protocols §1.9)", () => {
  assert.equal(
    refusalPage(400, "Bad Request", "Invalid Request Line 'Invalid HTTP request line: '<a&b>\"\xe9''"),
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 215\r\n\r\n" +
      "<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n    <h1><p>Bad Request</p></h1>\n" +
      "    Invalid Request Line &#x27;Invalid HTTP request line: &#x27;&lt;a&amp;b&gt;&quot;\xe9&#x27;&#x27;\n  </body>\n</html>\n",
  );
});

test("refusalPage takes further fields", () => {
  assert.match(
    refusalPage(503, "Service Unavailable", "", "Retry-After: 1\r\n"),
    /\r\nContent-Length: \d+\r\nRetry-After: 1\r\n\r\n<html>/,
  );
});

for (const { name, request, contentLength, end } of [
  {
    name: "behind a chunked body",
    request: { method: "GET", protocol: "HTTP/1.1" },
    contentLength: undefined,
    end: "0\r\nX-Sum: 1\r\n\r\n",
  },
  { name: "not behind a counted one", request: { method: "GET", protocol: "HTTP/1.1" }, contentLength: 0, end: "" },
  { name: "not to HTTP/1.0", request: { method: "GET", protocol: "HTTP/1.0" }, contentLength: undefined, end: "" },
  { name: "not where there is no body", request: { method: "HEAD", protocol: "HTTP/1.1" }, contentLength: undefined, end: "" },
]) {
  test(`trailer fields are sent ${name}`, () => {
    const response = new Http1Response({ ...request, keepAlive: true });
    response.start({ status: "200 OK", fieldLines: "", contentLength, close: false }, "now", false);
    assert.equal(response.end("X-Sum: 1\r\n"), end);
  });
}
