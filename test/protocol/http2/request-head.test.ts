import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackField } from "../../../src/protocol/hpack/field.ts";
import { fieldName } from "../../../src/protocol/hpack/field-name.ts";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import { type ReadRequest, readRequest } from "../../../src/protocol/http2/request-head.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { type GunicornSettings, peerOf, policyOf } from "../http1/outcome.ts";
import { type Fields, GET, POST } from "./frames.ts";

const STRANGER = peerOf({ trusted: false, secure: false });
const PROXY = peerOf({ trusted: true, secure: false });

function read(
  fields: Fields,
  { endStream = true, peer = STRANGER, settings = {} as GunicornSettings, extendedConnect = false } = {},
): ReadRequest {
  const decoded = fields.map(([name, value]) => new HpackField(fieldName(name), value));
  return readRequest(decoded, endStream, { policy: policyOf(settings), extendedConnect }, peer);
}

function headOf(fields: Fields, options: Parameters<typeof read>[1] = {}): RequestHead {
  const request = read(fields, options);
  assert.equal(request.is, "request", JSON.stringify(request));
  return (request as Extract<ReadRequest, { is: "request" }>).head;
}

/** Headers as a worker gets them. */
function headersOf(head: RequestHead): string[] {
  return head.names.map(({ lower }, i) => `${lower}: ${head.values[i]}`);
}

/** The same request by HTTP/1. */
function http1Head(text: string, peer = STRANGER): RequestHead {
  const heads: RequestHead[] = [];
  const ignore = () => {};
  const handler = {
    onHead: (head: RequestHead) => heads.push(head),
    onBody: ignore,
    onBodyEnd: ignore,
    onError: assert.ifError,
    onClose: ignore,
  };
  new Http1Parser(policyOf({}), peer, handler as never).feed(Buffer.from(text, "latin1"));
  return heads[0] ?? assert.fail("no request");
}

for (const { name, http1, http2, endStream = true, peer = STRANGER } of [
  {
    name: "a plain request",
    http1: "GET /a%20b?x=1 HTTP/1.1\r\nhost: h\r\naccept: */*\r\n\r\n",
    http2: [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/a%20b?x=1"],
      [":authority", "h"],
      ["accept", "*/*"],
    ],
  },
  {
    name: "a body with a length",
    http1: "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ncontent-type: a/b\r\n\r\n",
    http2: [...POST, ["content-length", "3"], ["content-type", "a/b"]],
    endStream: false,
  },
  {
    name: "a body of no bytes",
    http1: "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
    http2: [...POST, ["content-length", "0"]],
    endStream: false,
  },
  {
    name: "fields that repeat, and names with underscores",
    http1: "GET / HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx_b: 2\r\nx-a: 3\r\n\r\n",
    http2: [...GET, ["x-a", "1"], ["x_b", "2"], ["x-a", "3"]],
  },
  {
    name: "a proxy's word on scheme and mount point",
    http1: "GET /m/a HTTP/1.1\r\nhost: h\r\nx-forwarded-proto: https\r\nscript_name: /m\r\n\r\n",
    http2: [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/m/a"],
      [":authority", "h"],
      ["x-forwarded-proto", "https"],
      ["script_name", "/m"],
    ],
    peer: PROXY,
  },
  {
    name: "the same from anybody else",
    http1: "GET /m/a HTTP/1.1\r\nhost: h\r\nx-forwarded-proto: https\r\nscript_name: /m\r\n\r\n",
    http2: [
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/m/a"],
      [":authority", "h"],
      ["x-forwarded-proto", "https"],
      ["script_name", "/m"],
    ],
  },
  {
    name: "a client that waits for 100 Continue",
    http1: "POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
    http2: [...POST, ["expect", "100-continue"], ["content-length", "3"]],
    endStream: false,
  },
  {
    name: "a tunnel",
    http1: "CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\n\r\n",
    http2: [
      [":method", "CONNECT"],
      [":authority", "h:443"],
    ],
  },
  {
    name: "OPTIONS *",
    http1: "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n",
    http2: [
      [":method", "OPTIONS"],
      [":scheme", "http"],
      [":path", "*"],
      [":authority", "h"],
    ],
  },
] as { name: string; http1: string; http2: Fields; endStream?: boolean; peer?: typeof STRANGER }[]) {
  test(`${name}: the same head as HTTP/1's`, () => {
    const { keepAlive: _, ...expected } = http1Head(http1, peer);
    const { keepAlive, ...head } = headOf(http2, { endStream, peer });
    assert.equal(keepAlive, true);
    assert.deepEqual(head, { ...expected, protocol: "HTTP/2.0" });
  });
}

test("cookies that were cut into crumbs are one field again, where the first one stood", () => {
  const head = headOf([...GET, ["cookie", "a=1"], ["x-a", "b"], ["cookie", "c=2"], ["cookie", "d=3"]]);
  assert.deepEqual(headersOf(head), ["host: h", "cookie: a=1; c=2; d=3", "x-a: b"]);
});

test("the authority is Host, first of all fields; a Host that says the same is not repeated", () => {
  assert.deepEqual(headersOf(headOf([...GET, ["x-a", "b"], ["host", "H"]])), ["host: h", "x-a: b"]);
  assert.deepEqual(headersOf(headOf([...GET.slice(0, 3), ["x-a", "b"], ["host", "other"]])), ["x-a: b", "host: other"]);
});

test("a trusted peer's :scheme counts, another's does not", () => {
  const fields: Fields = [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/"],
    [":authority", "h"],
  ];
  assert.equal(headOf(fields, { peer: PROXY }).scheme, "https");
  assert.equal(headOf(fields).scheme, "http");
  assert.equal(headOf(fields, { peer: { ...STRANGER, secure: true } }).scheme, "https");
});

test("a body without a length ends where the stream says", () => {
  assert.deepEqual(headOf(POST, { endStream: false }).framing, { kind: "chunked" });
  assert.deepEqual(headOf(POST).framing, { kind: "none" });
});

const EXTENDED_CONNECT: Fields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":path", "/ws%20x?a"],
  [":authority", "h"],
];

test("extended CONNECT names its protocol, where it is allowed, and has no body", () => {
  for (const endStream of [false, true]) {
    const request = read(EXTENDED_CONNECT, { endStream, extendedConnect: true });
    const { method, target, path, query, framing, connectProtocol } = request.is === "request" ? request.head : assert.fail(request.is);
    assert.deepEqual([method, target, path, query], ["CONNECT", "/ws%20x?a", "/ws x", "a"]);
    assert.deepEqual([framing, connectProtocol], [{ kind: "none" }, "websocket"]);
  }
  assert.equal(read(EXTENDED_CONNECT).is, "malformed");
});

test("requests of any other kind have no :protocol", () => assert.ok(!("connectProtocol" in headOf(GET))));

/** EXTENDED_CONNECT with another value, or without one. */
const extended = (name: string, value?: string): Fields =>
  EXTENDED_CONNECT.flatMap((field) => (field[0] !== name ? [field] : value === undefined ? [] : [[name, value] as const]));

for (const { name, fields, outcome } of [
  { name: "GET with :protocol", fields: extended(":method", "GET"), outcome: "malformed" },
  { name: "no :scheme", fields: extended(":scheme"), outcome: "malformed" },
  { name: "no :path", fields: extended(":path"), outcome: "malformed" },
  { name: "no :authority", fields: [...extended(":authority"), ["host", "h"]], outcome: "malformed" },
  { name: "an empty :protocol", fields: extended(":protocol", ""), outcome: "malformed" },
  { name: ":protocol twice", fields: [[":protocol", "websocket"], ...EXTENDED_CONNECT], outcome: "malformed" },
  { name: "a length", fields: [...EXTENDED_CONNECT, ["content-length", "3"]], outcome: "malformed" },
  { name: "Upgrade, as in HTTP/1", fields: [...EXTENDED_CONNECT, ["upgrade", "websocket"]], outcome: "malformed" },
  { name: "a :path that is none", fields: extended(":path", "h:80"), outcome: "bad-request-line" },
  { name: "another protocol", fields: extended(":protocol", "connect-udp"), outcome: "unsupported-connect-protocol" },
  { name: "a protocol in other letters", fields: extended(":protocol", "WebSocket"), outcome: "unsupported-connect-protocol" },
] as readonly { name: string; fields: Fields; outcome: string }[]) {
  test(`extended CONNECT, ${name}: ${outcome}`, () => {
    const request = read(fields, { endStream: false, extendedConnect: true });
    assert.equal(request.is === "refused" ? request.error.code : request.is, outcome);
  });
}

const without = (name: string) => GET.filter(([other]) => other !== name);
const MALFORMED: readonly { name: string; fields: Fields; endStream?: boolean }[] = [
  { name: "no fields", fields: [] },
  { name: "no :method", fields: without(":method") },
  { name: "no :scheme", fields: without(":scheme") },
  { name: "no :path", fields: without(":path") },
  { name: "neither :authority nor Host", fields: without(":authority") },
  {
    name: "an empty :path",
    fields: [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", ""],
      [":authority", "h"],
    ],
  },
  { name: "an empty :method", fields: [[":method", ""], ...without(":method")] },
  { name: "two :path", fields: [...GET, [":path", "/b"]] },
  { name: "two :method", fields: [...GET, [":method", "PUT"]] },
  {
    name: "a :scheme that is none",
    fields: [
      [":method", "GET"],
      [":scheme", "ht tp"],
      [":path", "/"],
      [":authority", "h"],
    ],
  },
  { name: "userinfo in :authority", fields: [...without(":authority"), [":authority", "u@h"]] },
  { name: "a path in :authority", fields: [...without(":authority"), [":authority", "h/x"]] },
  { name: "a control character in :path", fields: [...without(":path"), [":path", "/\r\nx: y"]] },
  { name: "a pseudo-header of responses", fields: [[":status", "200"], ...GET] },
  { name: "a pseudo-header that nobody knows", fields: [...GET, [":foo", "bar"]] },
  { name: "a pseudo-header behind a field", fields: [...without(":path"), ["x-a", "b"], [":path", "/"]] },
  { name: ":protocol without CONNECT", fields: [...GET, [":protocol", "websocket"]] },
  { name: "CONNECT without :authority", fields: [[":method", "CONNECT"]] },
  {
    name: "CONNECT with :path",
    fields: [
      [":method", "CONNECT"],
      [":authority", "h"],
      [":path", "/"],
    ],
  },
  { name: "a name in upper case", fields: [...GET, ["X-A", "b"]] },
  { name: "a name with a blank", fields: [...GET, ["x a", "b"]] },
  { name: "an empty name", fields: [...GET, ["", "b"]] },
  { name: "a name with a colon", fields: [...GET, ["x:a", "b"]] },
  { name: "CR and LF in a value", fields: [...GET, ["x-a", "b\r\nc: d"]] },
  { name: "NUL in a value", fields: [...GET, ["x-a", "b\0"]] },
  { name: "a blank before a value", fields: [...GET, ["x-a", " b"]] },
  { name: "Connection", fields: [...GET, ["connection", "close"]] },
  { name: "Proxy-Connection", fields: [...GET, ["proxy-connection", "close"]] },
  { name: "Keep-Alive", fields: [...GET, ["keep-alive", "5"]] },
  { name: "Transfer-Encoding", fields: [...POST, ["transfer-encoding", "chunked"]], endStream: false },
  { name: "Upgrade", fields: [...GET, ["upgrade", "h2c"]] },
  { name: "TE other than trailers", fields: [...GET, ["te", "gzip"]] },
  { name: "another Host than the authority", fields: [...GET, ["host", "evil"]] },
  { name: "a length without a body", fields: [...POST, ["content-length", "3"]] },
];

for (const { name, fields, endStream = true } of MALFORMED) {
  test(`${name} is malformed`, () => {
    const request = read(fields, { endStream });
    assert.equal(request.is, "malformed", JSON.stringify(request));
  });
}

const REFUSED: readonly {
  name: string;
  fields: Fields;
  code: string;
  settings?: GunicornSettings;
  peer?: typeof STRANGER;
  endStream?: boolean;
}[] = [
  { name: "a method in lower case", fields: [[":method", "get"], ...without(":method")], code: "bad-method" },
  { name: "a method that is no token", fields: [[":method", "GE T"], ...without(":method")], code: "bad-method" },
  { name: "a :path without a slash", fields: [...without(":path"), [":path", "foo"]], code: "bad-request-line" },
  { name: "a whole URL as :path", fields: [...without(":path"), [":path", "http://h/"]], code: "bad-request-line" },
  { name: "* without OPTIONS", fields: [...without(":path"), [":path", "*"]], code: "bad-request-line" },
  { name: "raw UTF-8 in :path", fields: [...without(":path"), [":path", "/\xc3\xa9"]], code: "bad-request-line" },
  { name: "a :path that is too long", fields: [...without(":path"), [":path", `/${"a".repeat(4094)}`]], code: "request-line-too-long" },
  {
    name: "too many fields",
    fields: [...GET, ...Array.from({ length: 100 }, (_, i): [string, string] => [`x-${i}`, ""])],
    code: "headers-too-large",
  },
  { name: "a field that is too large", fields: [...GET, ["x-a", "v".repeat(8190)]], code: "headers-too-large" },
  {
    name: "a cookie that is too large once it is whole",
    fields: [...GET, ["cookie", "a".repeat(5000)], ["cookie", "b".repeat(5000)]],
    code: "headers-too-large",
  },
  {
    name: "two Content-Length",
    fields: [...POST, ["content-length", "3"], ["content-length", "3"]],
    code: "bad-content-length",
    endStream: false,
  },
  { name: "a Content-Length that is no number", fields: [...POST, ["content-length", "+3"]], code: "bad-content-length", endStream: false },
  { name: "two Content-Type", fields: [...GET, ["content-type", "a/b"], ["content-type", "a/b"]], code: "repeated-header" },
  { name: "two Host", fields: [...without(":authority"), ["host", "h"], ["host", "h"]], code: "repeated-header" },
  { name: "an expectation that we do not know", fields: [...GET, ["expect", "200-ok"]], code: "expectation-failed" },
  {
    name: "an underscore where it is refused",
    fields: [...GET, ["x_a", "b"]],
    code: "bad-header-name",
    settings: { header_map: "refuse" },
  },
  {
    name: "contradictory schemes",
    fields: [...GET, ["x-forwarded-proto", "https"], ["x-forwarded-ssl", "off"]],
    code: "bad-scheme-headers",
    peer: PROXY,
  },
];

for (const { name, fields, code, settings = {}, peer = STRANGER, endStream = true } of REFUSED) {
  test(`${name} is refused: ${code}`, () => {
    const request = read(fields, { settings, peer, endStream });
    assert.equal(request.is === "refused" ? request.error.code : request.is, code);
  });
}

test("methods follow the same settings as in HTTP/1", () => {
  const fields: Fields = [[":method", "get"], ...without(":method")];
  assert.equal(headOf(fields, { settings: { permit_unconventional_http_method: true, casefold_http_method: true } }).method, "GET");
});

test("limits at their edge let a request pass", () => {
  headOf([...without(":path"), [":path", `/${"a".repeat(4093)}`]]);
  headOf([...GET, ...Array.from({ length: 99 }, (_, i): [string, string] => [`x-${i}`, ""])]);
  headOf([...GET, ["x-a", "v".repeat(8190 - 5)]]);
});
