import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ask, askFor, type Case, compareServers, facts, type Observation, talk } from "./differential.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { Client, field, get, post } from "./http-client.ts";

/** What an application's failure gives; every fact of it, for cases in which Gunicorn's answer is another. */
const WHOLE_ERROR_PAGE = {
  statusLine: "HTTP/1.1 500 Internal Server Error",
  fields: [
    ["Content-Type", "text/html"],
    ["Content-Length", "141"],
  ],
  body: `<html>
  <head>
    <title>Internal Server Error</title>
  </head>
  <body>
    <h1><p>Internal Server Error</p></h1>
    
  </body>
</html>
`,
  framing: "length",
  complete: true,
};
const ERROR_PAGE = { statusLine: "HTTP/1.1 500 Internal Server Error", framing: "length", complete: true };

/** The page for a path outside the mount prefix. */
function outside(reason: string): Observation {
  const text = "Configuration problem: Request path &#x27;/other&#x27; does not start with SCRIPT_NAME &#x27;/app&#x27;";
  const body = `<html>\n  <head>\n    <title>${reason}</title>\n  </head>\n  <body>\n    <h1><p>${reason}</p></h1>\n    ${text}\n  </body>\n</html>\n`;
  const fields = [
    ["Content-Type", "text/html"],
    ["Content-Length", String(body.length)],
  ];
  return { statusLine: `HTTP/1.1 500 ${reason}`, body, fields };
}

/** The environ as the application saw it, ports and software apart. */
async function environOf(server: Server, request: string): Promise<Observation> {
  const environ = JSON.parse((await server.exchange(request)).body);
  const { REMOTE_PORT, SERVER_PORT, SERVER_SOFTWARE, ...rest } = environ;
  assert.match(REMOTE_PORT[1], /^\d+$/);
  assert.equal(SERVER_PORT[1], String(server.address));
  assert.match(SERVER_SOFTWARE[1], server.kind === "gunicorn" ? /^gunicorn\/27\.0\.1$/ : /^gunicorn\/27\.0\.1 tunicorn\/\d/);
  return rest;
}

function environCase(name: string, request: string, expected: Observation, tunicorn: Observation = {}): Case {
  return { name: `environ of ${name}`, run: (server) => environOf(server, request), expected, tunicorn };
}

const str = (value: string) => ["str", value];

compareServers("the environ", { args: ["cases", "-w", "2"] }, [
  environCase("a plain GET", "GET /environ?a=1&b=%20#f HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n", {
    REQUEST_METHOD: str("GET"),
    PATH_INFO: str("/environ"),
    QUERY_STRING: str("a=1&b=%20"),
    RAW_URI: str("/environ?a=1&b=%20#f"),
    SCRIPT_NAME: str(""),
    SERVER_PROTOCOL: str("HTTP/1.1"),
    SERVER_NAME: str("127.0.0.1"),
    REMOTE_ADDR: str("127.0.0.1"),
    HTTP_HOST: str("h:1"),
    HTTP_CONNECTION: str("close"),
    "wsgi.version": ["tuple", [1, 0]],
    "wsgi.url_scheme": str("http"),
    "wsgi.multithread": ["bool", false],
    "wsgi.multiprocess": ["bool", true],
    "wsgi.run_once": ["bool", false],
    "wsgi.input_terminated": ["bool", true],
    "wsgi.input": ["object", ["read", "readline", "readlines", "__iter__"]],
    "wsgi.file_wrapper": ["object", ["__iter__", "__call__"]],
    "wsgi.early_hints": ["object", ["__call__"]],
    "gunicorn.socket": ["object", ["fileno"]],
  }),
  environCase("HTTP/1.0 without Host", "GET /environ HTTP/1.0\r\n\r\n", { SERVER_PROTOCOL: str("HTTP/1.0") }),
  environCase("an absolute target", "GET http://other:99/p%20q?x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {
    PATH_INFO: str("/p q"),
  }),
  environCase("an escaped path", get("/%E2%82%AC/%2F/%zz/a+b/%00"), { PATH_INFO: str("/\u00e2\u0082\u00ac///%zz/a+b/\0") }),
  environCase("a path with dots and slashes", get("//a/../b/./c//"), { PATH_INFO: str("//a/../b/./c//") }),
  environCase("repeated fields", get("/environ", "X-A: 1\r\nCookie: a=1\r\nx-a: 2\r\nCookie: b=2\r\n"), {
    HTTP_X_A: str("1,2"),
    HTTP_COOKIE: str("a=1,b=2"),
  }),
  environCase("odd values", get("/environ", "X-Empty:\r\nX-Tab:\t a \t\r\nX-Latin: \u00e9\r\nX-Quote: \"'\\\r\nX.Dot: 1\r\n"), {
    HTTP_X_EMPTY: str(""),
    HTTP_X_TAB: str("a"),
    HTTP_X_LATIN: str("\u00e9"),
    "HTTP_X.DOT": str("1"),
  }),
  environCase("a name with an underscore, which is dropped", get("/environ", "X_A: 1\r\n"), { HTTP_X_A: undefined }),
  environCase("a body", post("/environ", "abc", "Content-Type: text/x\r\n"), { CONTENT_LENGTH: str("3"), CONTENT_TYPE: str("text/x") }),
  environCase("a chunked body", "POST /environ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {
    HTTP_TRANSFER_ENCODING: str("chunked"),
    CONTENT_LENGTH: undefined,
  }),
  environCase("a trusted scheme field", get("/environ", "X-Forwarded-Proto: https\r\n"), { "wsgi.url_scheme": str("https") }),
  environCase("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { PATH_INFO: str("*"), RAW_URI: str("*") }),
  environCase("an unusual method", "PROPFIND /environ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {
    REQUEST_METHOD: str("PROPFIND"),
  }),
]);

compareServers("a mount prefix", { args: ["cases"], env: { SCRIPT_NAME: "/app" } }, [
  environCase("a path below it", get("/app/x%2Fy"), { SCRIPT_NAME: str("/app"), PATH_INFO: str("/x/y") }),
  environCase("the prefix alone", get("/app"), { SCRIPT_NAME: str("/app"), PATH_INFO: str("") }),
  ask("a path outside it", get("/other"), { statusLine: "HTTP/1.1 500 Bad Request" }, outside("Internal Server Error")),
]);

compareServers("request bodies", { args: ["cases"] }, [
  ...["all", "minus", "none", "zero", "pieces", "line", "lines", "hint", "iterate", "mixed"].map((how) =>
    ask(`read: ${how}`, post(`/read?how=${how}`, "one\ntwo\n\nthree"), { statusLine: "HTTP/1.1 200 OK" }),
  ),
  ...["all", "pieces", "line", "iterate"].map((how) =>
    ask(`read chunked: ${how}`, chunked(`/read?how=${how}`, "4\r\none\n\r\n2;x=1\r\ntw\r\n1\r\no\r\n0\r\nX-Trailer: 1\r\n\r\n"), {
      statusLine: "HTTP/1.1 200 OK",
    }),
  ),
  ...["all", "line", "iterate"].map((how) => ask(`read nothing: ${how}`, get(`/read?how=${how}`), { statusLine: "HTTP/1.1 200 OK" })),
  ask("read with a size that is no number", post("/read-wrongly", "abc"), { body: "TypeError" }),
  ask("a body nobody reads", post("/", "x".repeat(300_000)), { body: "hello\n" }),
  ask("a body of 1 MB comes back whole", post("/echo", "0123456789".repeat(100_000)), { body: "0123456789".repeat(100_000) }),
  ask("a chunked body of many chunks", chunked("/echo", `${"5\r\nhello\r\n".repeat(2000)}0\r\n\r\n`), { body: "hello".repeat(2000) }),
  talk(
    "a body that comes byte by byte",
    async (client) => {
      await client.trickle(post("/echo", "slowly, slowly"), 1);
      return facts(await client.readResponse());
    },
    { body: "slowly, slowly" },
  ),
  talk(
    "a chunked body that comes byte by byte",
    async (client) => {
      await client.trickle(chunked("/echo", "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n"), 1);
      return facts(await client.readResponse());
    },
    { body: "abc0123456789" },
  ),
  talk(
    "a body cut short by a half-close is short data",
    async (client) => {
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nshort");
      client.halfClose();
      return facts(await client.readResponse());
    },
    { body: "short", statusLine: "HTTP/1.1 200 OK" },
  ),
  talk(
    "100-continue comes before the body",
    async (client) => {
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n");
      const interim = await client.readResponse();
      client.send("body");
      return { interim: interim.statusLine, ...facts(await client.readResponse()) };
    },
    { interim: "HTTP/1.1 100 Continue", body: "body" },
  ),
  ask("100-continue of HTTP/1.0 is ignored", "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody", {
    body: "body",
  }),
]);

function chunked(target: string, body: string): string {
  return `POST ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
}

compareServers("responses", { args: ["cases"] }, [
  askFor("/", { statusLine: "HTTP/1.1 200 OK", body: "hello\n", framing: "length" }),
  ask("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", { statusLine: "HTTP/1.0 200 OK", body: "hello\n" }),
  askFor("/no-length", { body: "onetwo", framing: "chunked", complete: true }),
  ask("no length to HTTP/1.0", "GET /no-length HTTP/1.0\r\n\r\n", { body: "onetwo", framing: "close" }),
  ask("no length to HTTP/1.0 that would keep alive", "GET /no-length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", { framing: "close" }),
  askFor("/empty", { body: "", complete: true }),
  askFor("/generator", { body: "firstsecond", framing: "chunked", complete: true }),
  askFor("/generator-with-length", { body: "firstsecond", framing: "length", complete: true }),
  askFor("/write", { body: "written twice and returned", framing: "chunked" }),
  askFor("/write-with-length", { body: "written", framing: "length" }),
  askFor("/too-long", { body: "long", framing: "length", complete: true }),
  askFor("/too-short", { body: "short", framing: "length", complete: false }),
  askFor("/headers", { body: "ok" }),
  askFor("/hop-by-hop", { body: "ok" }),
  askFor("/early-hints", { statusLine: "HTTP/1.1 103 Early Hints" }),
  talk(
    "the response after early hints",
    async (client) => {
      client.send(get("/early-hints"));
      const hints = await client.readResponse();
      return { hints: facts(hints), ...facts(await client.readResponse()) };
    },
    { body: "after hints" },
  ),
  ask("early hints to HTTP/1.0 are not sent", "GET /early-hints HTTP/1.0\r\n\r\n", { statusLine: "HTTP/1.0 200 OK", body: "after hints" }),
  askFor("/big?bytes=1000000", { body: "x".repeat(1_000_000), complete: true }),
  ...["/", "/no-length", "/generator", "/write", "/raises", "/file"].map((target) =>
    ask(`HEAD ${target}`, `HEAD ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`, { body: "", framing: "none" }),
  ),
  ...["204 No Content", "304 Not Modified", "200", "200 ", "299 Own Words", "404 Not Found", "599 \u00e9"].map((status) =>
    askFor(`/status?status=${encodeURIComponent(status).replace("%C3%A9", "%E9")}&body=text`, { complete: true }),
  ),
  ...["204 No Content", "304 Not Modified", "200 OK"].map((status) =>
    askFor(`/status?status=${encodeURIComponent(status)}&length=4&body=text`, { complete: true }),
  ),
  ...["20 OK", "2000 OK", "OK", "", "200 O\nK", "200 \u007f", "200OK"].map((status) =>
    askFor(`/status?status=${encodeURIComponent(status)}`, ERROR_PAGE),
  ),
  askFor("/status?status=200%20OK&length=x&body=t", ERROR_PAGE),
  askFor("/status?status=200%20OK&length=1.5&body=t", ERROR_PAGE),
  askFor("/status?status=200%20OK&length=1%202&body=t", ERROR_PAGE),
  askFor("/status?status=200%20OK&length=-1&body=t", {}, WHOLE_ERROR_PAGE),
  ...["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "a\u007fb", "a\u0001"].map((value) =>
    askFor(`/header?name=X-A&value=${encodeURIComponent(value)}`, ERROR_PAGE),
  ),
  ...["X A", "X:A", "X\r\nY", "", "X\u00e9", "X(A)"].map((name) => askFor(`/header?name=${encodeURIComponent(name)}&value=1`, ERROR_PAGE)),
  askFor("/header-bytes", ERROR_PAGE),
]);

compareServers("applications that fail", { args: ["cases"] }, [
  askFor("/raises", WHOLE_ERROR_PAGE),
  askFor("/raises-after-start", ERROR_PAGE),
  askFor("/raises-first", ERROR_PAGE),
  askFor("/raises-midway", { statusLine: "HTTP/1.1 200 OK", body: "begun", framing: "chunked", complete: false }),
  askFor("/raises-midway-with-length", { statusLine: "HTTP/1.1 200 OK", body: "begun", framing: "length", complete: false }),
  ask("raising midway to HTTP/1.0", "GET /raises-midway HTTP/1.0\r\n\r\n", { statusLine: "HTTP/1.0 200 OK", body: "begun" }),
  askFor("/exc-info-before", { statusLine: "HTTP/1.1 503 Replaced", body: "replaced" }, { fields: [["Content-Type", "text/plain"]] }),
  askFor("/exc-info-after", { statusLine: "HTTP/1.1 200 OK", body: "begun", complete: false }),
  askFor("/starts-twice", ERROR_PAGE),
  askFor("/never-starts", {}, WHOLE_ERROR_PAGE),
  askFor("/returns-none", ERROR_PAGE),
  askFor("/returns-text", {}, WHOLE_ERROR_PAGE),
  askFor("/exits", ERROR_PAGE),
  askFor("/closing", { body: "part" }),
  askFor("/closing-failed", { body: "part", complete: false }),
  askFor("/closed", { body: '["whole", "failed"]' }),
]);

compareServers("files", { args: ["cases"] }, [
  askFor("/file", { complete: true }),
  askFor("/file?offset=100", { complete: true }),
  askFor("/file?length=50", { framing: "length", complete: true }),
  askFor("/file?offset=100&length=50", { framing: "length", complete: true }),
  askFor("/file?memory=1", { complete: true }),
  askFor("/file?memory=1&offset=10&length=20", { framing: "length", complete: true }),
  askFor("/empty-file", { body: "", complete: true }),
]);

for (const kind of KINDS) {
  test(`${kind}: a generator's part is sent before the next is made`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const gate = join(temporaryFolder(t), "gate");
    const client = await Client.connect(server.address);
    t.after(() => client.close());
    client.send(get(`/gated?gate=${gate}`));
    await client.waitFor("before");
    writeFileSync(gate, "");
    assert.equal((await client.readResponse()).body, "beforeafter");
  });

  test(`${kind}: every response says who served it, when, and whether the connection stays`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const response = await server.exchange(get("/"));
    assert.equal(field(response, "Server"), kind);
    assert.match(field(response, "Date") ?? "", /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.equal(field(response, "Connection"), "close");
  });

  test(`${kind}: a unix socket's client has no address`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const server = await Server.start(t, kind, { args: ["cases"], bind: `unix:${path}` });
    assert.equal(server.address, path);
    const environ = JSON.parse((await server.exchange(get("/environ"))).body);
    assert.deepEqual(
      [environ.REMOTE_ADDR, environ.REMOTE_PORT, environ.SERVER_NAME, environ.SERVER_PORT],
      [str(""), undefined, str("test"), str("80")],
    );
  });
}
