import assert from "node:assert/strict";
import { test } from "node:test";
import { percentDecode } from "../../../src/base/percent-decoding.ts";
import { requestHead } from "../../../src/protocol/uwsgi/request-head.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { PEER } from "./outcome.ts";

type Vars = Readonly<Record<string, string>>;

function headOf(vars: Vars, peer = PEER): RequestHead {
  return requestHead(new Map(Object.entries(vars)), peer);
}

/** `{HTTP_HOST: "h"}` */
function fieldsOf(vars: Vars): [string, string][] {
  const { names, values } = headOf(vars);
  return names.map(({ environKey }, at) => [environKey, values[at] ?? ""]);
}

test("a request without variables is GET /", () => {
  assert.deepEqual(headOf({}), {
    peer: PEER,
    method: "GET",
    target: "/",
    path: "/",
    rawPath: "/",
    query: "",
    protocol: "HTTP/1.1",
    scheme: "http",
    scriptName: undefined,
    names: [],
    values: [],
    framing: { kind: "none" },
    expectsContinue: false,
    keepAlive: true,
  });
});

test("what nginx sends (uwsgi_params): addresses, protocol and mount point of the proxy are not the request's", () => {
  const head = headOf({
    QUERY_STRING: "x=1",
    REQUEST_METHOD: "POST",
    CONTENT_TYPE: "text/plain",
    CONTENT_LENGTH: "3",
    REQUEST_URI: "/a%20b?x=1",
    PATH_INFO: "/a b",
    DOCUMENT_ROOT: "/usr/share/nginx/html",
    SERVER_PROTOCOL: "HTTP/2.0",
    REQUEST_SCHEME: "https",
    REMOTE_ADDR: "198.51.100.1",
    REMOTE_PORT: "5",
    SERVER_PORT: "443",
    SERVER_NAME: "shop.example",
    SCRIPT_NAME: "/mount",
    HTTP_HOST: "shop.example",
    HTTP_CONTENT_LENGTH: "3",
    HTTP_CONTENT_TYPE: "text/plain",
    HTTP_X_REAL_IP: "198.51.100.1",
  });
  assert.deepEqual([head.method, head.target, head.path, head.query], ["POST", "/a b?x=1", "/a b", "x=1"]);
  assert.deepEqual([head.protocol, head.scheme, head.scriptName, head.peer], ["HTTP/1.1", "http", undefined, PEER]);
  assert.deepEqual(head.framing, { kind: "length", bytes: 3 });
  const names = head.names.map(({ environKey }) => environKey);
  assert.deepEqual(names, ["CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_X_REAL_IP"]);
});

for (const path of ["/a b", "/100%", "/%41", "/\xc3\xa9"]) {
  test(`the path ${path} is decoded already: decoding the raw path gives it back`, () => {
    const head = headOf({ PATH_INFO: path });
    assert.deepEqual([head.path, percentDecode(head.rawPath)], [path, path]);
  });
}

const SCHEMES: readonly { vars: Vars; scheme: "http" | "https" }[] = [
  { vars: { HTTPS: "on" }, scheme: "https" },
  { vars: { HTTPS: "TRUE" }, scheme: "https" },
  { vars: { HTTPS: "1", "wsgi.url_scheme": "http" }, scheme: "https" },
  { vars: { HTTPS: "off" }, scheme: "http" },
  { vars: { HTTPS: "", "wsgi.url_scheme": "https" }, scheme: "https" },
  { vars: { REQUEST_SCHEME: "https", HTTP_X_FORWARDED_PROTO: "https" }, scheme: "http" },
];

for (const { vars, scheme } of SCHEMES) {
  test(`the scheme of ${JSON.stringify(vars)} is ${scheme}`, () => assert.equal(headOf(vars).scheme, scheme));
}

test("on an encrypted connection the scheme is https, unless a variable says otherwise", () => {
  assert.equal(headOf({}, { ...PEER, secure: true }).scheme, "https");
  assert.equal(headOf({ "wsgi.url_scheme": "http" }, { ...PEER, secure: true }).scheme, "http");
});

const FRAMINGS: readonly { vars: Vars; bytes: number }[] = [
  { vars: {}, bytes: 0 },
  { vars: { CONTENT_LENGTH: "" }, bytes: 0 },
  { vars: { CONTENT_LENGTH: "0" }, bytes: 0 },
  { vars: { CONTENT_LENGTH: "70000" }, bytes: 70000 },
  { vars: { HTTP_CONTENT_LENGTH: "5", CONTENT_LENGTH: "5" }, bytes: 5 },
  { vars: { HTTP_TRANSFER_ENCODING: "chunked", CONTENT_LENGTH: "5" }, bytes: 5 },
];

for (const { vars, bytes } of FRAMINGS) {
  test(`the body of ${JSON.stringify(vars)} has ${bytes} bytes`, () =>
    assert.deepEqual(headOf(vars).framing, bytes === 0 ? { kind: "none" } : { kind: "length", bytes }));
}

const REFUSED: readonly { vars: Vars; code: string }[] = [
  ...["abc", "-1", "+1", " 1", "1_0", "0x1", "99999999999999999"].map((length) => ({
    vars: { CONTENT_LENGTH: length },
    code: "bad-content-length",
  })),
  { vars: { CONTENT_LENGTH: "5", HTTP_CONTENT_LENGTH: "6" }, code: "bad-uwsgi-packet" },
  { vars: { HTTP_CONTENT_LENGTH: "6" }, code: "bad-uwsgi-packet" },
  { vars: { CONTENT_LENGTH: "5", http_content_length: "6", HTTP_content_length: "6" }, code: "bad-uwsgi-packet" },
  { vars: { HTTP_: "x" }, code: "bad-header-name" },
  { vars: { "HTTP_A B": "x" }, code: "bad-header-name" },
  { vars: { "HTTP_A\r\nB": "x" }, code: "bad-header-name" },
  { vars: { "wsgi.url_scheme": "ftp" }, code: "bad-uwsgi-packet" },
];

for (const { vars, code } of REFUSED) test(`${JSON.stringify(vars)} is refused`, () => assert.throws(() => headOf(vars), { code }));

test("headers: underscores are dashes, twins stay apart until the environ joins them, a bare one counts once", () => {
  assert.deepEqual(fieldsOf({ HTTP_X_A: "1", "HTTP_X-A": "2", HTTP_COOKIE: "", HTTP_x_b: "3" }), [
    ["HTTP_X_A", "1"],
    ["HTTP_X_A", "2"],
    ["HTTP_COOKIE", ""],
    ["HTTP_X_B", "3"],
  ]);
  assert.deepEqual(fieldsOf({ CONTENT_TYPE: "a/b", HTTP_CONTENT_TYPE: "c/d" }), [["CONTENT_TYPE", "c/d"]]);
  assert.deepEqual(headOf({ HTTP_X_A: "1" }).names[0]?.upper, "X-A");
});

for (const { value, keepAlive } of [
  { value: "close", keepAlive: false },
  { value: "Close", keepAlive: false },
  { value: "keep-alive", keepAlive: true },
  { value: "", keepAlive: true },
  { value: "upgrade", keepAlive: true },
]) {
  test(`HTTP_CONNECTION=${value}: ${keepAlive ? "stays open" : "closes"}`, () =>
    assert.equal(headOf({ HTTP_CONNECTION: value }).keepAlive, keepAlive));
}

test("an expectation was the proxy's to answer", () => assert.equal(headOf({ HTTP_EXPECT: "100-continue" }).expectsContinue, false));
