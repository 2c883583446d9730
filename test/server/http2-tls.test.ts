/** HTTP/2 over TLS on whole servers: what ALPN chooses, what applications are told, clients that others wrote, and the end. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cutFrames, HELLO } from "../protocol/http2/frames.ts";
import { CA, certificateFile, certificateText, TLS_SERVER } from "./certificates.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { KINDS, PYTHON, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { type Answer, ask, openSession } from "./http2-client.ts";
import { BLOCK_BYTES, digestOfBlocks, transfer } from "./large-body-client.ts";

const HTTPX_CLIENT = fileURLToPath(new URL("httpx_client.py", import.meta.url));
const HTTP2 = [...TLS_SERVER, "--http-protocols", "h2,h1"];
const BODY_BYTES = 16 * 1024 * 1024;
const GOAWAY = 7;
const INADEQUATE_SECURITY = 12;
const run = promisify(execFile);

/** Cleaned up behind the file's last test. */
const cleanUps: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
const CLASSES = ["sync", "gthread", "gevent", "asgi"] as const;
type WorkerClass = (typeof CLASSES)[number];
const servers = {} as Record<WorkerClass, Server>;

before(async () => {
  const optional = ["--ca-certs", certificateFile("ca.pem"), "--cert-reqs", "1"];
  const more = { sync: [...optional, "--proxy-protocol", "auto"], gthread: ["--threads", "4"], gevent: [], asgi: optional };
  const start = async (kind: WorkerClass) => {
    servers[kind] = await Server.start(scope, "tunicorn", { args: [applicationOf(kind), "-k", kind, ...HTTP2, ...more[kind]] });
  };
  await Promise.all(CLASSES.map(start));
});

after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

function applicationOf(kind: WorkerClass): string {
  return kind === "asgi" ? "asgi_cases" : "cases";
}

function sessionWith(server: Server, options: ConnectionOptions = {}, t: Scope = scope): ClientHttp2Session {
  return openSession(t, `https://localhost:${server.address}`, { host: "127.0.0.1", ...options });
}

/** A connection by TLS. Rejects when the server breaks it off. */
async function shakeHands(t: Scope, server: Server, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port: Number(server.address), servername: "localhost", ca: CA, ...options });
  t.after(() => void socket.destroy());
  socket.on("error", () => {});
  await withDeadline<void>("shaking hands", (resolve, reject) => {
    socket.on("secureConnect", () => resolve());
    socket.on("close", () => reject(new Error("closed")));
  });
  return socket;
}

async function readToEnd(socket: TLSSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await withDeadline<void>("reading to the end", (resolve) => socket.on("close", () => resolve()).on("end", () => resolve()));
  return Buffer.concat(chunks);
}

const askByHttp1 = get("/").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

for (const kind of CLASSES) {
  test(`${kind}: ${BODY_BYTES / 1024 / 1024} MiB up and down, side by side with small requests`, async () => {
    const server = servers[kind];
    const blocks = BODY_BYTES / BLOCK_BYTES;
    const session = sessionWith(server);
    const [received, ...small] = await Promise.all([
      transfer({ port: Number(server.address), target: "/echo", blocks, chunked: true, http2: true }),
      ...Array.from({ length: 50 }, () => ask(session, { ":path": "/" })),
    ]);
    assert.deepEqual([received.status, received.bytes, received.digest], [200, BODY_BYTES, digestOfBlocks(blocks)]);
    assert.deepEqual([...new Set(small.map(({ status }) => status))], [200]);
  });

  test(`${kind}: the package httpx`, async () => {
    const { stdout } = await run(PYTHON, [HTTPX_CLIENT, String(servers[kind].address), certificateFile("ca.pem")]);
    assert.match(stdout, /^HTTP\/2 200 '.*' 60 True\n$/);
  });

  test(`${kind}: curl`, async () => {
    // What curl was built with is its own business: without HTTP/2 it is served HTTP/1.1.
    const { stdout: features } = await run("curl", ["--version"]);
    const version = /\bHTTP2\b/.test(features) ? "2" : "1.1";
    const wanted = version === "2" ? ["--http2"] : [];
    const url = `https://localhost:${servers[kind].address}/`;
    const trust = ["--cacert", certificateFile("ca.pem"), "--resolve", `localhost:${servers[kind].address}:127.0.0.1`];
    const { stdout } = await run("curl", ["-sS", ...wanted, ...trust, "-w", "|%{http_version} %{http_code}", url]);
    assert.equal(stdout.split("|").at(-1), `${version} 200`);
  });
}

test("a WSGI application is told of HTTP/2, of TLS and of the client's certificate", async () => {
  const client = { cert: certificateText("client.pem"), key: certificateText("client.key") };
  const environ = JSON.parse((await ask(sessionWith(servers.sync, client), { ":path": "/environ/x%20y?q=1" })).body);
  const told = Object.fromEntries(
    ["SERVER_PROTOCOL", "wsgi.url_scheme", "HTTP_HOST", "SSL_PROTOCOL", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN"].map((name) => [
      name,
      environ[name]?.[1],
    ]),
  );
  assert.deepEqual(told, {
    SERVER_PROTOCOL: "HTTP/2.0",
    "wsgi.url_scheme": "https",
    HTTP_HOST: `localhost:${servers.sync.address}`,
    SSL_PROTOCOL: "TLSv1.3",
    SSL_CLIENT_VERIFY: "SUCCESS",
    SSL_CLIENT_S_DN: "CN=client,O=A\\, B,C=CH",
  });
});

test("so is an ASGI application", async () => {
  const session = sessionWith(servers.asgi);
  const { body } = await ask(session, { ":path": "/scope/x%20y?q=1" });
  for (const fact of ["('http_version', '2')", "('scheme', 'https')", "('path', '/scope/x y')"]) assert.ok(body.includes(fact), body);
  const [extensions] = JSON.parse((await ask(session, { ":path": "/extensions" })).body);
  assert.ok(extensions.includes("tls"), extensions);
});

/** What both servers tell an application of the same request. */
async function toldBy(t: Scope, server: ServerKind, kind: WorkerClass): Promise<unknown> {
  const started = await Server.start(t, server, { args: [applicationOf(kind), "-k", kind, ...HTTP2] });
  const path = kind === "asgi" ? "/scope/x%20y?q=1" : "/environ/x%20y?q=1";
  const { status, body } = await ask(sessionWith(started, {}, t), { ":path": path, "x-a": "b" });
  if (kind === "asgi") return [status, ...(/\('(http_version|scheme|method|query_string)', [^)]*\)/g[Symbol.match](body) ?? [])];
  const names = ["SERVER_PROTOCOL", "wsgi.url_scheme", "REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_X_A", "SCRIPT_NAME"];
  const environ = JSON.parse(body);
  return [status, ...names.map((name) => environ[name])];
}

for (const kind of ["gthread", "asgi"] as const) {
  test(`${kind}: applications are told what Gunicorn tells them`, async (t) => {
    const told = await Promise.all(KINDS.map((server) => toldBy(t, server, kind)));
    for (const each of told) assert.deepEqual(each, told[0]);
    assert.match(JSON.stringify(told[0]), /https/);
  });
}

for (const { offered, chosen } of [
  { offered: ["h2", "http/1.1"], chosen: "h2" },
  { offered: ["http/1.1", "h2"], chosen: "h2" },
  { offered: ["http/1.1"], chosen: "http/1.1" },
  { offered: undefined, chosen: false },
] as const) {
  test(`with h2,h1 a client that offers ${offered?.join(" and ") ?? "nothing"}`, async (t) => {
    const socket = await shakeHands(t, servers.sync, offered === undefined ? {} : { ALPNProtocols: [...offered] });
    assert.equal(socket.alpnProtocol, chosen);
    socket.write(chosen === "h2" ? HELLO : askByHttp1);
    if (chosen !== "h2") assert.match((await readToEnd(socket)).latin1Slice(), /^HTTP\/1\.1 200 OK\r\n.*hello\n$/s);
  });
}

for (const { protocols, offered, chosen } of [
  { protocols: "h1", offered: ["h2", "http/1.1"], chosen: "http/1.1" },
  { protocols: "h1,h2", offered: ["h2", "http/1.1"], chosen: "http/1.1" },
  { protocols: "h1,h2", offered: ["h2"], chosen: "h2" },
  { protocols: "h2", offered: ["http/1.1"], chosen: "http/1.1" },
]) {
  test(`with ${protocols} a client that offers ${offered.join(" and ")} speaks ${chosen}`, async (t) => {
    const server = await Server.start(t, "tunicorn", { args: ["cases", ...TLS_SERVER, "--http-protocols", protocols] });
    const socket = await shakeHands(t, server, { ALPNProtocols: [...offered] });
    assert.equal(socket.alpnProtocol, chosen);
    if (chosen === "h2") assert.equal((await ask(sessionWith(server, { ALPNProtocols: ["h2"] }, t), { ":path": "/" })).body, "hello\n");
    else {
      socket.write(askByHttp1);
      assert.match((await readToEnd(socket)).latin1Slice(), /hello\n$/);
    }
  });
}

test("TLS 1.2 speaks HTTP/2 too, but not with a suite that HTTP/2 forbids, and does not negotiate anew", async (t) => {
  const old = { maxVersion: "TLSv1.2", ALPNProtocols: ["h2"] } as const;
  assert.equal((await ask(sessionWith(servers.sync, old), { ":path": "/" })).body, "hello\n");
  const weak = await shakeHands(t, servers.sync, { ...old, ciphers: "ECDHE-ECDSA-AES128-SHA256" });
  weak.write(HELLO);
  const { frames } = cutFrames(await readToEnd(weak));
  const last = frames.at(-1);
  assert.deepEqual([last?.type, last?.payload.readUInt32BE(4)], [GOAWAY, INADEQUATE_SECURITY]);
  await servers.sync.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: HTTP\/2 over TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256$/);
  const restless = await shakeHands(t, servers.sync, old);
  const outcome = await withDeadline<unknown>("negotiating anew", (resolve) => {
    restless.on("error", (error: NodeJS.ErrnoException) => resolve(error.code)).resume();
    restless.renegotiate({}, (error) => resolve(error ?? "done"));
  });
  assert.equal(outcome, "ERR_SSL_NO_RENEGOTIATION");
});

test("a PROXY header comes before the handshake", async (t) => {
  const raw = connectPlain(Number(servers.sync.address), "127.0.0.1");
  raw.on("error", () => {});
  t.after(() => void raw.destroy());
  raw.write("PROXY TCP4 198.51.100.7 198.51.100.1 50000 443\r\n");
  const { body } = await ask(sessionWith(servers.sync, { socket: raw }), { ":path": "/environ" });
  assert.equal(JSON.parse(body).REMOTE_ADDR[1], "198.51.100.7");
});

test("h2 without TLS and without http2_cleartext: a warning, as Gunicorn's, and HTTP/1.1 is served", async (t) => {
  const warning =
    /Warning: http_protocols includes h2 but there is no TLS and http2_cleartext is off, so HTTP\/2 will never be negotiated\.$/;
  for (const kind of KINDS) {
    const server = await Server.start(t, kind, { args: ["cases", "-k", "gthread", "--http-protocols", "h2"] });
    await server.waitForLine(warning);
    assert.match(server.output("stderr"), new RegExp(warning.source, "m"));
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
  }
});

/** A request that stays in the only worker until `release`, and others behind it, all on one connection. */
async function holdAndQueue(t: Scope, server: Server) {
  const folder = temporaryFolder(t);
  const [note, gate] = [join(folder, "note"), join(folder, "gate")];
  const session = sessionWith(server, {}, t);
  const ended: string[] = [];
  session.on("goaway", (code) => ended.push(`goaway ${code}`)).on("close", () => ended.push("closed"));
  const held = ask(session, { ":path": `/stay?note=${note}&gate=${gate}` });
  await waitUntil("waiting for the application", () => existsSync(note) && readFileSync(note, "utf8").endsWith("\n"));
  const queued = Array.from({ length: 10 }, () => ask(session, { ":path": "/pid" }));
  // The connection is read in order: when the server has answered a PING, it has the requests before it.
  await withDeadline<void>("pinging", (resolve) => session.ping(() => resolve()));
  return { session, ended, held, queued: Promise.all(queued), release: () => writeFileSync(gate, "") };
}

const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status, error }) => error ?? status))];

test("TERM: GOAWAY, then all that was asked is answered", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "1", ...HTTP2] });
  const { ended, held, queued, release } = await holdAndQueue(t, server);
  server.signal("SIGTERM");
  await waitUntil("waiting for GOAWAY", () => ended.includes("goaway 0"));
  release();
  assert.deepEqual(statuses([await held, ...(await queued)]), [200]);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test("HUP: the connection goes on, its requests in both generations of workers are answered", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "1", ...HTTP2] });
  const { session, ended, held, queued, release } = await holdAndQueue(t, server);
  server.signal("SIGHUP");
  // The old worker is held: who answers those behind is the new one.
  const fromNew = await queued;
  const [pid] = new Set(fromNew.map(({ body }) => body));
  release();
  const fromOld = await held;
  assert.deepEqual(statuses([fromOld, ...fromNew]), [200]);
  assert.notEqual(fromOld.body, pid);
  await server.waitForLine(/reload done gen=1 workers=1$/);
  assert.equal((await ask(session, { ":path": "/pid" })).body, pid);
  assert.deepEqual(ended, []);
});
