/** Gunicorn and Tunicorn behind the same nginx with proxy_pass: what reaches the application, and what reaches the client. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { ask, askFor, type Case, compareServers, facts, talk } from "./differential.ts";
import { KINDS, Server, type StartOptions, temporaryFolder } from "./harness.ts";
import { field, get, post } from "./http-client.ts";
import { documentedSite, Nginx, replaced, targetOf } from "./nginx.ts";

/** The documented configuration, with nginx's clients as if they had come by TLS. */
function tlsSite(server: Server): string {
  return replaced(documentedSite("proxy_pass", targetOf(server)), "$scheme", "https");
}

/** Ports and software apart; the client's socket only Gunicorn's worker holds. */
function environCase(name: string, request: string, expected: Readonly<Record<string, string>>): Case {
  const run = async (server: Server) => {
    const environ = JSON.parse((await server.exchange(request)).body);
    const { REMOTE_PORT, SERVER_PORT, SERVER_SOFTWARE, "gunicorn.socket": _, ...rest } = environ;
    return { ...rest, hasRemotePort: REMOTE_PORT !== undefined };
  };
  return { name, run, expected: Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, ["str", value]])) };
}

const FORGED = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: http\r\nScript_Name: /evil\r\n";

for (const { name, options, expected } of [
  {
    name: "over TCP, trusted",
    options: { args: ["cases"] },
    expected: { REMOTE_ADDR: "127.0.0.1", SERVER_NAME: "127.0.0.1", "wsgi.url_scheme": "https" },
  },
  {
    name: "over TCP, not trusted",
    options: { args: ["cases", "--forwarded-allow-ips", "192.0.2.1"] },
    expected: { REMOTE_ADDR: "127.0.0.1", SERVER_NAME: "127.0.0.1", "wsgi.url_scheme": "http" },
  },
  {
    name: "over TCP, trusted by network",
    options: { args: ["cases", "--forwarded-allow-ips", "10.0.0.0/8,127.0.0.0/8"] },
    expected: { REMOTE_ADDR: "127.0.0.1", "wsgi.url_scheme": "https" },
  },
]) {
  compareServers(
    `behind nginx ${name}`,
    options,
    [
      environCase("the environ of a GET", get("/environ?a=1&b=%20"), { ...expected, HTTP_HOST: "test", HTTP_X_FORWARDED_PROTO: "https" }),
      environCase("what a client forges", get("/environ", FORGED), { ...expected, HTTP_X_FORWARDED_FOR: "198.51.100.1, 127.0.0.1" }),
      environCase("a POST", post("/environ", "abc", "Content-Type: text/x\r\n"), { ...expected, CONTENT_LENGTH: "3" }),
      environCase("an escaped path", get("/%E2%82%AC/%2F/a+b"), { ...expected, PATH_INFO: "/\u00e2\u0082\u00ac///a+b" }),
    ],
    Nginx.before(tlsSite),
  );
}

test("behind nginx over a unix socket, which is always trusted", async (t) => {
  const seen: Record<string, unknown>[] = [];
  for (const kind of KINDS) {
    const args = ["cases", "--forwarded-allow-ips", "192.0.2.1"];
    const server = await Server.start(t, kind, { args, bind: `unix:${join(temporaryFolder(t), "socket")}` });
    const nginx = await Nginx.start(t, tlsSite(server));
    server.address = nginx.port;
    const { SERVER_SOFTWARE, "gunicorn.socket": _, ...environ } = JSON.parse((await server.exchange(get("/environ", FORGED))).body);
    assert.deepEqual(
      [environ.REMOTE_ADDR, environ.REMOTE_PORT, environ.SERVER_NAME, environ.SERVER_PORT, environ["wsgi.url_scheme"]],
      [["str", ""], undefined, ["str", "test"], ["str", "443"], ["str", "https"]],
    );
    seen.push(environ);
  }
  for (const environ of seen) assert.deepEqual(environ, seen[0]);
});

const WHOLE = "x".repeat(300_000);

/** What an application can answer, through a proxy. */
const ANSWERS: readonly Case[] = [
  askFor("/", { statusLine: "HTTP/1.1 200 OK", body: "hello\n" }),
  askFor("/no-length", { body: "onetwo", complete: true }),
  askFor("/generator", { body: "firstsecond", complete: true }),
  askFor("/empty", { body: "", complete: true }),
  askFor("/file", { complete: true }),
  askFor("/headers", { body: "ok" }),
  askFor("/raises", { statusLine: "HTTP/1.1 500 Internal Server Error" }),
  askFor("/status?status=204%20No%20Content", { statusLine: "HTTP/1.1 204 No Content", body: "" }),
  askFor("/status?status=304%20Not%20Modified", { statusLine: "HTTP/1.1 304 Not Modified", body: "" }),
  ask("HEAD", "HEAD /file HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", { statusLine: "HTTP/1.1 200 OK", body: "" }),
  ask("a body", post("/echo", WHOLE), { body: WHOLE }),
  ask(
    "a chunked body",
    "POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    { body: "abcde" },
  ),
  talk(
    "Expect: 100-continue, which nginx answers",
    async (client) => {
      client.send(post("/echo", "abc", "Expect: 100-continue\r\n"));
      return { interim: (await client.readResponse()).status, body: (await client.readResponse()).body };
    },
    { interim: 100, body: "abc" },
  ),
  talk(
    "many requests on the client's connection",
    async (client) => {
      const bodies: string[] = [];
      for (let at = 0; at < 20; at++) {
        client.send(`POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n${String(at).padStart(2)}`);
        bodies.push((await client.readResponse()).body);
      }
      return { bodies };
    },
    { bodies: Array.from({ length: 20 }, (_, at) => String(at).padStart(2)) },
  ),
];

const WORKERS: StartOptions = { args: ["cases", "-w", "2"] };

function site(server: Server): string {
  return documentedSite("proxy_pass", targetOf(server));
}

function unbufferedSite(server: Server): string {
  const directive = "proxy_http_version 1.1;";
  return replaced(site(server), directive, `${directive} proxy_request_buffering off; proxy_buffering off;`);
}

/** nginx's own defaults: HTTP/1.0 and a connection for each request. */
function plainSite(server: Server): string {
  return `server { listen 80; location / { proxy_pass http://${targetOf(server)}; } }`;
}

compareServers("answers through nginx", WORKERS, ANSWERS, Nginx.before(site));
compareServers("answers through nginx without buffering", WORKERS, ANSWERS, Nginx.before(unbufferedSite));
compareServers("answers through nginx with HTTP/1.0", WORKERS, ANSWERS, Nginx.before(plainSite));

test("X-Accel-Redirect reaches nginx, which sends the file", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "report.txt"), "the file\n");
  for (const kind of KINDS) {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const files = `location /protected/ { internal; alias ${folder}/; }\n    location / {`;
    const nginx = await Nginx.start(t, replaced(site(server), "location / {", files));
    const direct = await server.exchange(get("/header?name=X-Accel-Redirect&value=/protected/report.txt"));
    assert.equal(field(direct, "X-Accel-Redirect"), "/protected/report.txt");
    server.address = nginx.port;
    const through = await server.exchange(get("/header?name=X-Accel-Redirect&value=/protected/report.txt"));
    assert.deepEqual([kind, through.status, through.body], [kind, 200, "the file\n"]);
  }
});

/** More than any buffer on the way holds. */
const LARGE_BYTES = 16 * 1024 * 1024;

for (const { name, siteFor } of [
  { name: "with buffering", siteFor: site },
  { name: "without buffering", siteFor: unbufferedSite },
]) {
  test(`tunicorn: a large upload and download through nginx ${name}`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: ["cases"] });
    server.address = (await Nginx.start(t, siteFor(server))).port;
    const body = Array.from({ length: LARGE_BYTES / 8 }, (_, at) => at.toString(36).padStart(8)).join("");
    const echoed = await server.exchange(post("/echo", body));
    assert.deepEqual([echoed.status, echoed.complete, echoed.body === body], [200, true, true]);
    const big = await server.exchange(get(`/big?bytes=${LARGE_BYTES}`));
    assert.deepEqual([big.complete, big.body.length], [true, LARGE_BYTES]);
  });
}

const LOGGED: StartOptions = { args: ["cases", "--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s"] };

test("tunicorn: clients that leave inside their body, with buffering and without: nothing is left of them", async (t) => {
  for (const siteFor of [site, unbufferedSite]) {
    const server = await Server.start(t, "tunicorn", LOGGED);
    server.address = (await Nginx.start(t, siteFor(server))).port;
    for (let at = 0; at < 10; at++) {
      const client = await server.connect();
      client.send(`POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n${"x".repeat(at * 1000)}`);
      if (at % 2 === 0) client.reset();
      else client.close();
    }
    assert.deepEqual(facts(await server.exchange(post("/echo", "abc"))).body, "abc");
    assert.equal(server.countLines(/fault|Traceback|\[ERROR\]/), 0, server.output());
  }
});

for (const kind of KINDS) {
  test(`${kind}: a client that leaves while its request runs: the application ends it, and its worker serves on`, async (t) => {
    const server = await Server.start(t, kind, LOGGED);
    const nginx = await Nginx.start(t, site(server));
    server.address = nginx.port;
    const folder = temporaryFolder(t);
    const [note, gate] = [join(folder, "note"), join(folder, "gate")];
    const client = await server.connect();
    client.send(get(`/stay?note=${note}&gate=${gate}`));
    await waitUntil("waiting for the application", () => existsSync(note));
    client.reset();
    await waitUntil("waiting for nginx to notice", () => /client \d+\.\d+\.\d+\.\d+ closed|prematurely closed/.test(nginx.errorLog()));
    writeFileSync(gate, "");
    await server.waitForLine(/^GET \/stay 200$/);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  });
}

test("tunicorn: a client that leaves inside a large answer, without buffering", async (t) => {
  const server = await Server.start(t, "tunicorn", LOGGED);
  server.address = (await Nginx.start(t, unbufferedSite(server))).port;
  const client = await server.connect();
  client.send(get("/big?bytes=1000000000"));
  await client.waitFor("x".repeat(1000));
  client.reset();
  await server.waitForLine(/^GET \/big 200$/);
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
});
