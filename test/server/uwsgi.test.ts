/** protocol=uwsgi: packets by hand, and nginx's uwsgi_pass, on Gunicorn and Tunicorn. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { packetOf, packetText } from "../protocol/uwsgi/packets.ts";
import { ask, askFor, type Case, compareServers, facts, type Observation } from "./differential.ts";
import { KINDS, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { Client, get, post, type Response } from "./http-client.ts";
import { documentedSite, Nginx, replaced, targetOf } from "./nginx.ts";

const ARGS = ["cases", "--protocol", "uwsgi"];

type Vars = Readonly<Record<string, string>>;

/** Sends bytes on a connection of their own and reads one response. */
async function send(server: Server, bytes: string, method?: string): Promise<Response> {
  const client = await Client.connect(server.address);
  try {
    client.send(bytes);
    return await client.readResponse(method);
  } finally {
    client.close();
  }
}

function packet(name: string, vars: Vars, body: string, expected: Observation, tunicorn: Observation = {}): Case {
  return { name, run: async (server) => facts(await send(server, packetText(vars, body), vars.REQUEST_METHOD)), expected, tunicorn };
}

/** The environ as the application saw it, ports and software apart, and without the client's socket. */
function environ(name: string, read: (server: Server) => Promise<Response>, expected: Vars, tunicorn: Vars = {}): Case {
  const run = async (server: Server) => {
    const { REMOTE_PORT, SERVER_PORT, SERVER_SOFTWARE, "gunicorn.socket": _, ...rest } = JSON.parse((await read(server)).body);
    return rest;
  };
  const typed = (facts: Vars) => Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, ["str", value]]));
  return { name, run, expected: typed(expected), tunicorn: typed(tunicorn) };
}

function environOf(name: string, vars: Vars, expected: Vars, tunicorn: Vars = {}): Case {
  return environ(name, (server) => send(server, packetText(vars)), expected, tunicorn);
}

const POST: Vars = { REQUEST_METHOD: "POST", PATH_INFO: "/echo", CONTENT_LENGTH: "5" };

compareServers("uWSGI packets", { args: ARGS }, [
  packet("GET", { PATH_INFO: "/" }, "", { statusLine: "HTTP/1.1 200 OK", body: "hello\n" }),
  packet("a body", POST, "abcde", { body: "abcde" }),
  packet("a body that is longer than its length", POST, "abcdefg", { body: "abcde" }),
  packet("HEAD", { REQUEST_METHOD: "HEAD", PATH_INFO: "/" }, "", { body: "" }),
  packet("204", { PATH_INFO: "/status", QUERY_STRING: "status=204 No Content" }, "", { statusLine: "HTTP/1.1 204 No Content" }),
  packet("304", { PATH_INFO: "/status", QUERY_STRING: "status=304 Not Modified" }, "", { statusLine: "HTTP/1.1 304 Not Modified" }),
  packet("no length: the body ends with the connection", { PATH_INFO: "/generator" }, "", { body: "firstsecond", framing: "close" }),
  packet("no length, written at once", { PATH_INFO: "/no-length" }, "", { body: "onetwo", framing: "close" }),
  packet("a file", { PATH_INFO: "/file" }, "", { complete: true }),
  packet("an application that fails", { PATH_INFO: "/raises" }, "", { statusLine: "HTTP/1.1 500 Internal Server Error" }),
  environOf(
    "no variables but the path",
    { PATH_INFO: "/environ" },
    { REQUEST_METHOD: "GET", SERVER_PROTOCOL: "HTTP/1.1", RAW_URI: "/environ" },
  ),
  environOf(
    "what the proxy says of itself and of its client",
    {
      PATH_INFO: "/environ",
      QUERY_STRING: "a=1",
      REQUEST_URI: "/%65nviron?a=1",
      REMOTE_ADDR: "198.51.100.1",
      SERVER_NAME: "shop",
      SERVER_PROTOCOL: "HTTP/2.0",
      SCRIPT_NAME: "/mount",
      REMOTE_USER: "root",
      HTTP_X_FORWARDED_FOR: "198.51.100.1",
      HTTP_SCRIPT_NAME: "/evil",
      HTTP_EXPECT: "100-continue",
    },
    { REMOTE_ADDR: "127.0.0.1", SERVER_NAME: "127.0.0.1", SERVER_PROTOCOL: "HTTP/1.1", SCRIPT_NAME: "", RAW_URI: "/environ?a=1" },
  ),
  environOf("HTTPS", { PATH_INFO: "/environ", HTTPS: "on" }, { "wsgi.url_scheme": "https" }),
  environOf("wsgi.url_scheme", { PATH_INFO: "/environ", "wsgi.url_scheme": "https" }, { "wsgi.url_scheme": "https" }),
  environOf(
    "headers",
    { PATH_INFO: "/environ", HTTP_X_A: " 1 ", CONTENT_TYPE: "", HTTP_COOKIE: "a; b" },
    { HTTP_X_A: " 1 ", CONTENT_TYPE: "" },
  ),
  environOf("a path that looks escaped", { PATH_INFO: "/%41 b" }, { RAW_URI: "/%41 b" }, { PATH_INFO: "/%41 b" }),
  environOf("a path in UTF-8", { PATH_INFO: "/\xc3\xa9" }, { RAW_URI: "/\xc3\xa9" }, { PATH_INFO: "/\xc3\xa9" }),
]);

test("tunicorn: packets one after another on one connection", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ARGS });
  const client = await server.connect();
  client.send(packetText(POST, "first") + packetText(POST, "again"));
  assert.equal((await client.readResponse()).body, "first");
  assert.equal((await client.readResponse()).body, "again");
  await client.trickle(packetText(POST, "bytes"), 1);
  assert.equal((await client.readResponse()).body, "bytes");
  client.send(packetText({ PATH_INFO: "/", HTTP_CONNECTION: "close" }));
  assert.match(await client.readToEnd(), /\r\nConnection: close\r\n/);
});

test("tunicorn: half a packet for longer than head_timeout is answered 408", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...ARGS, "--head-timeout", "1"] });
  const client = await server.connect();
  client.send(packetText({ PATH_INFO: "/" }).slice(0, 9));
  assert.match(await client.readToEnd(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
});

const MALFORMED = [
  { name: "HTTP", bytes: get("/"), status: 501, text: "Unsupported uWSGI modifier1: 71" },
  { name: "another modifier", bytes: packetOf([], "", 5).latin1Slice(), status: 501, text: "Unsupported uWSGI modifier1: 5" },
  { name: "a key behind the end", bytes: "\0\x03\0\0\xff\xffA", status: 400, text: "Invalid uWSGI header: truncated key" },
  { name: "a lone byte", bytes: "\0\x01\0\0A", status: 400, text: "Invalid uWSGI header: truncated key size" },
];

for (const kind of KINDS) {
  test(`${kind}: malformed packets are refused and logged, and leave no access line`, async (t) => {
    const server = await Server.start(t, kind, { args: [...ARGS, "--access-logfile", "-", "--access-logformat", "access %(r)s"] });
    for (const { bytes, status, text } of MALFORMED) {
      const before = server.lines.length;
      const response = await send(server, bytes);
      assert.equal(response.status, kind === "gunicorn" ? 500 : status);
      if (kind === "gunicorn") await server.waitForLine(/Error handling request \(no URI read\)$/, before);
      else await server.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: /, before);
      await server.waitForLine(new RegExp(text), before);
    }
    await send(server, packetText({ PATH_INFO: "/" }));
    await server.waitForLine(/^access /);
    assert.equal(server.countLines(/^access /), 1);
  });

  for (const vars of [{ CONTENT_LENGTH: "abc" }, { CONTENT_LENGTH: "", HTTP_CONTENT_LENGTH: "5" }, { "HTTP_A B": "" }] as const) {
    test(`${kind}: ${JSON.stringify(vars)}, in doubt, is refused by Tunicorn only`, async (t) => {
      const server = await Server.start(t, kind, { args: ARGS });
      assert.equal((await send(server, packetText({ ...vars, PATH_INFO: "/" }))).status, kind === "gunicorn" ? 200 : 400);
    });
  }

  test(`${kind}: a peer that may not speak uWSGI`, async (t) => {
    const server = await Server.start(t, kind, { args: [...ARGS, "--uwsgi-allow-from", "192.0.2.1"] });
    const response = await send(server, packetText({ PATH_INFO: "/" }));
    assert.equal(response.status, kind === "gunicorn" ? 500 : 403);
    await server.waitForLine(/uWSGI request from '127\.0\.0\.1' not allowed$/);
    server.address = (await Nginx.start(t, documentedSite("uwsgi_pass", targetOf(server)))).port;
    assert.equal((await server.exchange(get("/"))).status, kind === "gunicorn" ? 500 : 403);
  });
}

const NETWORKS: readonly { readonly words: readonly string[]; readonly status: Readonly<Record<ServerKind, number>> }[] = [
  { words: ["127.0.0.0/8"], status: { gunicorn: 500, tunicorn: 200 } },
  { words: ["*"], status: { gunicorn: 200, tunicorn: 200 } },
];

for (const kind of KINDS) {
  for (const { words, status } of NETWORKS) {
    test(`${kind}: uwsgi_allow_ips ${words}`, async (t) => {
      const server = await Server.start(t, kind, { args: [...ARGS, "--uwsgi-allow-from", ...words] });
      assert.equal((await send(server, packetText({ PATH_INFO: "/" }))).status, status[kind]);
    });
  }

  test(`${kind}: SCRIPT_NAME of the environment, and a path outside it`, async (t) => {
    const server = await Server.start(t, kind, { args: ARGS, env: { SCRIPT_NAME: "/app" } });
    const shown = JSON.parse((await send(server, packetText({ PATH_INFO: "/app/a b" }))).body);
    assert.deepEqual(
      [shown.SCRIPT_NAME, shown.PATH_INFO],
      [
        ["str", "/app"],
        ["str", "/a b"],
      ],
    );
    assert.equal((await send(server, packetText({ PATH_INFO: "/other" }))).status, 500);
  });

  test(`${kind}: the access line of a packet`, async (t) => {
    const format = "%(h)s %(m)s %(U)s %(q)s %(H)s %(s)s %(B)s %(r)s %({x-a}i)s %({raw_uri}e)s";
    const server = await Server.start(t, kind, { args: [...ARGS, "--access-logfile", "-", "--access-logformat", format] });
    await send(server, packetText({ ...POST, QUERY_STRING: "q=1", HTTP_X_A: "v" }, "abcde"));
    await server.waitForLine(/^127\.0\.0\.1 POST \/echo q=1 HTTP\/1\.1 200 5 POST \/echo\?q=1 HTTP\/1\.1 v \/echo\?q=1$/);
  });
}

// --- behind nginx ----------------------------------------------------------------------------------------------------

function site(server: Server): string {
  return documentedSite("uwsgi_pass", targetOf(server));
}

/** What the documented file adds: the client's address, and TLS as nginx tells of it. */
function tlsSite(server: Server): string {
  const added = "uwsgi_param HTTP_X_FORWARDED_FOR $proxy_add_x_forwarded_for; uwsgi_param HTTPS on;";
  return replaced(site(server), "include uwsgi_params;", `include uwsgi_params; ${added}`);
}

function throughNginx(name: string, request: string, expected: Vars, tunicorn: Vars = {}): Case {
  return environ(name, (server) => server.exchange(request), expected, tunicorn);
}

const BODY = "x".repeat(300_000);
const CHUNKED =
  "POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

compareServers(
  "uwsgi_pass",
  { args: [...ARGS, "-w", "2"] },
  [
    throughNginx("a GET", get("/environ?a=1&b=%20"), { QUERY_STRING: "a=1&b=%20", REMOTE_ADDR: "127.0.0.1", HTTP_HOST: "test" }),
    throughNginx("a POST", post("/environ", "abc", "Content-Type: text/x\r\n"), { CONTENT_LENGTH: "3", CONTENT_TYPE: "text/x" }),
    throughNginx("headers", get("/environ", "X-A: 1\r\nX_B: 2\r\nCookie: a=1\r\nX-Latin: \xe9\r\n"), {
      HTTP_X_A: "1",
      HTTP_X_LATIN: "\xe9",
    }),
    throughNginx("an escaped path", get("/%E2%82%AC/a+b"), {}, { PATH_INFO: "/\xe2\x82\xac/a+b" }),
    askFor("/", { statusLine: "HTTP/1.1 200 OK", body: "hello\n" }),
    askFor("/no-length", { body: "onetwo", complete: true }),
    askFor("/generator", { body: "firstsecond", complete: true }),
    askFor("/empty", { body: "", complete: true }),
    askFor("/file", { complete: true }),
    askFor("/headers", { body: "ok" }),
    askFor("/raises", { statusLine: "HTTP/1.1 500 Internal Server Error" }),
    askFor("/status?status=204%20No%20Content", { statusLine: "HTTP/1.1 204 No Content" }),
    askFor("/status?status=304%20Not%20Modified", { statusLine: "HTTP/1.1 304 Not Modified" }),
    ask("HEAD", "HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", { statusLine: "HTTP/1.1 200 OK", body: "" }),
    ask("a body", post("/echo", BODY), { body: BODY }),
    ask("a chunked body, which nginx gathers", CHUNKED, { body: "abcde" }),
  ],
  Nginx.before(site),
);

compareServers(
  "uwsgi_pass with a client of TLS",
  { args: ARGS },
  [throughNginx("the scheme", get("/environ"), { "wsgi.url_scheme": "https", HTTP_X_FORWARDED_FOR: "127.0.0.1" })],
  Nginx.before(tlsSite),
);

test("uwsgi_pass over a unix socket, whose peers are always allowed", async (t) => {
  const seen: unknown[] = [];
  for (const kind of KINDS) {
    const args = [...ARGS, "--uwsgi-allow-from", "192.0.2.1"];
    const server = await Server.start(t, kind, { args, bind: `unix:${join(temporaryFolder(t), "socket")}` });
    server.address = (await Nginx.start(t, site(server))).port;
    const { SERVER_SOFTWARE, "gunicorn.socket": _, ...shown } = JSON.parse((await server.exchange(get("/environ"))).body);
    const { REMOTE_ADDR, REMOTE_PORT, SERVER_NAME, SERVER_PORT } = shown;
    assert.deepEqual([REMOTE_ADDR, REMOTE_PORT, SERVER_NAME, SERVER_PORT], [["str", ""], undefined, ["str", "test"], ["str", "80"]]);
    seen.push(shown);
  }
  for (const shown of seen) assert.deepEqual(shown, seen[0]);
});

/** More than any buffer on the way holds. */
const LARGE_BYTES = 16 * 1024 * 1024;

for (const { name, directives } of [
  { name: "with buffering", directives: "" },
  { name: "without buffering", directives: "uwsgi_request_buffering off; uwsgi_buffering off;" },
]) {
  test(`tunicorn: a large upload and download through uwsgi_pass ${name}`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: ARGS });
    const text = replaced(site(server), "include uwsgi_params;", `include uwsgi_params; ${directives}`);
    server.address = (await Nginx.start(t, text)).port;
    const body = Array.from({ length: LARGE_BYTES / 8 }, (_, at) => at.toString(36).padStart(8)).join("");
    const echoed = await server.exchange(post("/echo", body));
    assert.deepEqual([echoed.status, echoed.complete, echoed.body === body], [200, true, true]);
    const big = await server.exchange(get(`/big?bytes=${LARGE_BYTES}`));
    assert.deepEqual([big.complete, big.body.length], [true, LARGE_BYTES]);
  });
}

test("tunicorn: clients of uwsgi_pass that leave inside their body, or inside a large answer: nothing is left of them", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...ARGS, "--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s"] });
  const unbuffered = "include uwsgi_params; uwsgi_request_buffering off; uwsgi_buffering off;";
  server.address = (await Nginx.start(t, replaced(site(server), "include uwsgi_params;", unbuffered))).port;
  for (let at = 0; at < 10; at++) {
    const client = await server.connect();
    client.send(`POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n${"x".repeat(at * 1000)}`);
    if (at % 2 === 0) client.reset();
    else client.close();
  }
  const client = await server.connect();
  client.send(get("/big?bytes=1000000000"));
  await client.waitFor("x".repeat(1000));
  client.reset();
  await server.waitForLine(/^GET \/big 200$/);
  assert.equal((await server.exchange(post("/echo", "abc"))).body, "abc");
  assert.equal(server.countLines(/fault|Traceback|\[ERROR\]/), 0, server.output());
});
