/** HTTP/2 without TLS, on whole servers: by prior knowledge and by upgrade. Gunicorn's workers speak it by themselves; here the gateway does. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cutFrames, frame, HELLO, settings } from "../protocol/http2/frames.ts";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { type Answer, ask, openSession } from "./http2-client.ts";

const HTTP2 = ["--http-protocols", "h2,h1", "--http2-cleartext"];

const LIMITS = ["--http2-max-concurrent-streams", "77", "--http2-initial-window-size", "100000"].concat([
  "--http2-max-frame-size",
  "20000",
  "--http2-max-header-list-size",
  "50000",
]);

const TRAILERS = [
  ["x-sum", "1"],
  ["x-more", "2"],
];

/** Cleaned up behind the file's last test. */
const cleanUps: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
let wsgi: Server;
let asgi: Server;
let session: ClientHttp2Session;

before(async () => {
  const access = ["--access-logfile", "-"];
  [wsgi, asgi] = await Promise.all([
    Server.start(scope, "tunicorn", { args: ["cases", ...HTTP2, "both", ...access] }),
    Server.start(scope, "tunicorn", { args: ["asgi_cases", "-k", "asgi", ...HTTP2, "prior-knowledge", ...LIMITS] }),
  ]);
  session = connectTo(wsgi);
});

after(async () => {
  session.destroy();
  for (const cleanUp of cleanUps) await cleanUp();
});

function connectTo(server: Server): ClientHttp2Session {
  return openSession(scope, `http://127.0.0.1:${server.address}`);
}

test("a request reaches a WSGI application as HTTP/1's do", async () => {
  const cookie = ["a=1", "b=2"];
  const { status, body, fields } = await ask(session, { ":path": "/environ/x%20y?q=1", "x-a": "b", cookie });
  const environ = JSON.parse(body);
  const of = (name: string) => environ[name]?.[1];
  assert.equal(status, 200);
  assert.deepEqual([fields.server, typeof fields.date, fields.connection], ["tunicorn", "string", undefined]);
  assert.deepEqual(
    ["REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "HTTP_HOST", "HTTP_X_A", "HTTP_COOKIE", "wsgi.url_scheme"].map(of),
    ["GET", "/environ/x y", "q=1", "HTTP/2.0", `127.0.0.1:${wsgi.address}`, "b", "a=1; b=2", "http"],
  );
  await wsgi.waitForLine(/"GET \/environ\/x%20y\?q=1 HTTP\/2\.0" 200 /);
});

for (const { path, method = "GET", expected } of [
  { path: "/", expected: { status: 200, body: "hello\n" } },
  { path: "/", method: "HEAD", expected: { status: 200, body: "" } },
  { path: "/empty", expected: { status: 200, body: "" } },
  { path: "/generator", expected: { status: 200, body: "firstsecond" } },
  { path: "/generator-with-length", expected: { status: 200, body: "firstsecond" } },
  { path: "/write", expected: { status: 200, body: "written twice and returned" } },
  { path: "/status?status=204%20No%20Content", expected: { status: 204, body: "" } },
  { path: "/status?status=304%20Not%20Modified", expected: { status: 304, body: "" } },
  { path: "/too-long", expected: { status: 200, body: "long" } },
  { path: "/too-short", expected: { status: 200, error: "ERR_HTTP2_STREAM_ERROR" } },
  { path: "/raises-midway", expected: { status: 200, error: "ERR_HTTP2_STREAM_ERROR" } },
  { path: "/raises", expected: { status: 500 } },
  { path: "/hop-by-hop", expected: { status: 200, body: "ok" } },
] as { path: string; method?: string; expected: Partial<Answer> }[]) {
  test(`${method} ${path} by WSGI`, async () => {
    const answer = await ask(session, { ":path": path, ":method": method });
    for (const [name, value] of Object.entries(expected)) assert.equal(answer[name as keyof Answer], value, name);
  });
}

test("early hints by WSGI", async () => {
  const { hints, body } = await ask(session, { ":path": "/early-hints" });
  assert.deepEqual([hints[0]?.[":status"], hints[0]?.link, body], [103, "</a.css>; rel=preload", "after hints"]);
});

for (const target of ["/trailers", "/trailers?late=1"]) {
  test(`${target} by WSGI`, async () => {
    const { trailers, body } = await ask(session, { ":path": target });
    assert.deepEqual([body, Object.entries(trailers ?? {})], ["first", TRAILERS]);
    assert.match((await wsgi.exchange(get(target))).body, /plain/);
  });
}

test("a large upload comes back whole", async () => {
  const body = Buffer.alloc(3_000_000, "0123456789");
  const answer = await ask(session, { ":path": "/echo", ":method": "POST" }, body);
  assert.ok(answer.body === body.latin1Slice());
});

test("many requests at once on one connection", async () => {
  const answers = await Promise.all(Array.from({ length: 90 }, () => ask(session, { ":path": "/" })));
  assert.ok(answers.every(({ body }) => body === "hello\n"));
});

test("a client may speak HTTP/1 on the same port", async () => {
  assert.equal((await wsgi.exchange(get("/"))).body, "hello\n");
});

test("a request of HTTP/1 goes on in HTTP/2, and so do those behind it", async () => {
  const client = await wsgi.connect();
  const wanted = settings({ initialWindowSize: 65535 }).subarray(9).toString("base64url");
  client.send(`GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: ${wanted}\r\n\r\n`);
  client.send(Buffer.concat([HELLO, frame(6, 0, 0, 8), frame(7, 0, 0, 8)]).latin1Slice());
  const text = await client.readToEnd();
  const [head = "", ...rest] = text.split("\r\n\r\n");
  assert.equal(head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c");
  const { frames } = cutFrames(Buffer.from(rest.join("\r\n\r\n"), "latin1"));
  assert.deepEqual(
    frames.filter(({ type, streamId }) => type === 0 && streamId === 1).map(({ payload }) => payload.latin1Slice()),
    ["hello\n"],
  );
  assert.ok(frames.some(({ type, flags }) => type === 6 && flags === 1));
});

test("a request reaches an ASGI application", async () => {
  const asked = connectTo(asgi);
  const { body } = await ask(asked, { ":path": "/scope/x%20y?q=1" });
  for (const fact of ["('http_version', '2')", "('path', '/scope/x y')", "('query_string', b'q=1')", "('scheme', 'http')"]) {
    assert.ok(body.includes(fact), `${fact} in ${body}`);
  }
  const upload = Buffer.alloc(1_000_000, "x");
  assert.ok((await ask(asked, { ":path": "/echo", ":method": "POST" }, upload)).body === upload.latin1Slice());
});

test("early hints and trailers by ASGI", async () => {
  const asked = connectTo(asgi);
  const hinted = await ask(asked, { ":path": "/hints" });
  assert.deepEqual([hinted.hints[0]?.[":status"], hinted.body], [103, "after hints"]);
  const { trailers } = await ask(asked, { ":path": "/trailers" });
  assert.deepEqual(Object.entries(trailers ?? {}), TRAILERS);
});

test("clients are told of the limits that are set", async () => {
  const asked = connectTo(asgi);
  await ask(asked, { ":path": "/" });
  const { maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize } = asked.remoteSettings;
  assert.deepEqual([maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize], [77, 100_000, 20_000, 50_000]);
});

test("where only prior knowledge counts, HTTP/1 is refused", async () => {
  const response = await asgi.exchange(get("/"));
  assert.equal(response.status, 400);
  assert.match(response.body, /Invalid HTTP\/2 connection preface/);
});

test("an attack ends the connection, and the log says why", async () => {
  const client = await wsgi.connect();
  client.send(Buffer.concat([HELLO, ...Array.from({ length: 1100 }, () => frame(6, 0, 0, 8))]).latin1Slice());
  await client.readToEnd();
  await wsgi.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: more than 1000 frames without content in a short time$/);
});

test("a stranger is served HTTP/1, as if HTTP/2 were off", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", ...HTTP2, "both", "--forwarded-allow-ips", "192.0.2.1"] });
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
  const client = await server.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
  client.close();
  assert.equal((await server.exchange(HELLO.latin1Slice())).status, 400);
});

test("TERM: a request that runs is answered, and the client told that no more are", async (t) => {
  const folder = temporaryFolder(t);
  const [note, gate] = [join(folder, "note"), join(folder, "gate")];
  const server = await Server.start(t, "tunicorn", { args: ["cases", ...HTTP2, "prior-knowledge"] });
  const asked = connectTo(server);
  const answer = ask(asked, { ":path": `/stay?note=${note}&gate=${gate}` });
  await waitUntil("waiting for the application", () => existsSync(note));
  const goaway = new Promise((resolve) => asked.once("goaway", (code) => resolve(code)));
  server.signal("SIGTERM");
  assert.equal(await goaway, 0);
  writeFileSync(gate, "");
  assert.equal((await answer).status, 200);
  assert.equal((await server.exited).code, 0);
});
