/** TLS: certificates, names, clients' certificates, what goes wrong, and files that change. */

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { CA, certificateFile as file, TLS_SERVER as SERVER, certificateText as text } from "./certificates.ts";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

const CLIENT = { cert: text("client.pem"), key: text("client.key") };
const STRANGER = { cert: text("stranger.pem"), key: text("stranger.key") };

interface Answer {
  readonly head: string;
  readonly body: string;
  /** CN of the certificate that the server has shown. */
  readonly shown: string;
  readonly protocol: string | null;
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
}

/** One request over a connection of its own. Rejects when there is no answer. */
async function ask(server: Server, options: ConnectionOptions = {}, request = get("/")): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    let session: Buffer | undefined;
    const socket: TLSSocket = connect({
      host: "127.0.0.1",
      port: Number(server.address),
      servername: "localhost",
      ca: CA,
      ...options,
    });
    socket.on("session", (data) => {
      session = data;
    });
    socket.on("error", reject);
    socket.setEncoding("latin1");
    let received = "";
    socket.on("secureConnect", () => {
      const shown = String(socket.getPeerCertificate().subject?.CN);
      const [protocol, resumed] = [socket.getProtocol(), socket.isSessionReused()];
      socket.write(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
      socket.on("data", (data: string) => {
        received += data;
      });
      socket.on("close", () => {
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) reject(new Error(`closed without an answer: ${JSON.stringify(received)}`));
        else resolve({ head: received.slice(0, end), body: received.slice(end + 4), shown, protocol, resumed, session });
      });
    });
    socket.on("close", () => setImmediate(() => reject(new Error(`closed: ${JSON.stringify(received)}`))));
  });
}

for (const kind of KINDS) {
  test(`${kind}: https, its address, its scheme, one version too old`, async (t) => {
    const server = await Server.start(t, kind, { args: [...SERVER, "whole_request"] });
    await server.waitForLine(/Listening at: https:\/\/127\.0\.0\.1:\d+ /);
    const answer = await ask(server);
    assert.match(answer.head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(answer.shown, "localhost");
    for (const version of ["TLSv1.2", "TLSv1.3"] as const)
      assert.equal((await ask(server, { minVersion: version, maxVersion: version })).protocol, version);
    await assert.rejects(ask(server, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }));
  });

  test(`${kind}: a client's certificate that is required`, async (t) => {
    const args = [...SERVER, "--ca-certs", file("ca.pem"), "--cert-reqs", "2", "whole_request"];
    const server = await Server.start(t, kind, { args });
    assert.match((await ask(server, CLIENT)).head, /^HTTP\/1\.1 200 OK\r\n/);
    await assert.rejects(ask(server));
    await assert.rejects(ask(server, STRANGER));
  });

  test(`${kind}: plain HTTP gets no answer, a warning and no worker`, async (t) => {
    const server = await Server.start(t, kind, { args: [...SERVER, "whole_request"] });
    const answer = await new Promise<string>((resolve, reject) => {
      let received = "";
      const socket = connectPlain(Number(server.address), "127.0.0.1", () => socket.write(get("/")));
      socket.on("data", (data) => {
        received += data.toString("latin1");
      });
      socket.on("error", reject).on("close", () => resolve(received));
    });
    assert.doesNotMatch(answer, /HTTP\/1\.1 200/);
    await server.waitForLine(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: \[SSL: HTTP_REQUEST\] http request/);
  });

  for (const [what, flags, pattern] of [
    ["a certificate that is not there", ["--certfile", "/nope/cert.pem"], /certfile "\/nope\/cert\.pem" does not exist/],
    ["a key that is not there", ["--certfile", file("server.pem"), "--keyfile", "/nope/key"], /keyfile "\/nope\/key" does not exist/],
  ] as const) {
    test(`${kind}: ${what} stops the start`, async (t) => {
      const server = Server.spawn(t, kind, { args: [...flags, "whole_request"] });
      assert.equal((await server.exit()).code, 1);
      assert.match(server.output(), pattern);
    });
  }
}

for (const [what, flags, pattern] of [
  [
    "a key of another certificate",
    ["--certfile", file("server.pem"), "--keyfile", file("other.key")],
    /certfile ".*server\.pem" with keyfile ".*other\.key" cannot be used: .*key values mismatch/,
  ],
  ["no certificate at all", ["--certfile", file("README.md")], /certfile ".*README\.md" cannot be used: /],
  ["a key alone", ["--keyfile", file("server.key")], /keyfile is set, but certfile is not/],
  ["a name without a file", [...SERVER, "--sni-certificate", "other.example"], /sni_certificates: "other\.example" is not NAME=CERTFILE/],
] as const) {
  test(`${what} stops the start: never plain text`, async (t) => {
    for (const check of [[], ["--check-config"]]) {
      const server = Server.spawn(t, "tunicorn", { args: [...check, ...flags, "whole_request"] });
      assert.equal((await server.exit()).code, 1);
      assert.match(server.output(), pattern);
    }
  });
}

test("certificates by name, whole, with a star, and the first for all others", async (t) => {
  const named = ["other.example=other", "*.star.example=star"].flatMap((each) => {
    const [name, stem = ""] = each.split("=");
    return ["--sni-certificate", `${name}=${file(`${stem}.pem`)},${file(`${stem}.key`)}`];
  });
  const server = await Server.start(t, "tunicorn", { args: [...SERVER, ...named, "whole_request"] });
  for (const [asked, shown] of [
    ["other.example", "other.example"],
    ["OTHER.example", "other.example"],
    ["a.star.example", "*.star.example"],
    ["b.a.star.example", "localhost"],
    ["star.example", "localhost"],
    ["localhost", "localhost"],
  ] as const)
    assert.equal((await ask(server, { servername: asked, rejectUnauthorized: false })).shown, shown, asked);
});

const TELLS_WSGI = `def application(environ, start_response):
    start_response("200 OK", [])
    return ["\\n".join(f"{key}={environ.get(key)}" for key in ("wsgi.url_scheme", "SSL_PROTOCOL", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN", "SSL_CLIENT_CERT")).encode()]
`;
const TELLS_ASGI = `import json
async def application(scope, receive, send):
    if scope["type"] == "http":
        body = json.dumps([scope["scheme"], scope["extensions"]["tls"], "tls" in scope]).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
`;

test("what applications are told of TLS, and of the client's certificate when it has one", async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, "tells.py"), TELLS_WSGI);
  writeFileSync(join(cwd, "tells_asgi.py"), TELLS_ASGI);
  const flags = [...SERVER, "--ca-certs", file("ca.pem"), "--cert-reqs", "1"];
  const wsgi = await Server.start(t, "tunicorn", { args: [...flags, "tells"], cwd });
  const without = (await ask(wsgi)).body;
  assert.match(without, /wsgi\.url_scheme=https\nSSL_PROTOCOL=TLSv1\.3\nSSL_CLIENT_VERIFY=None\n/);
  const body = (await ask(wsgi, CLIENT)).body;
  assert.match(body, /\nSSL_CLIENT_VERIFY=SUCCESS\nSSL_CLIENT_S_DN=CN=client,O=A\\, B,C=CH\nSSL_CLIENT_CERT=-----BEGIN CERTIFICATE-----\n/);
  await assert.rejects(ask(wsgi, STRANGER));
  await wsgi.waitForLine(
    /\[WARNING\] Invalid request from ip=127\.0\.0\.1: the client's certificate is not accepted: DEPTH_ZERO_SELF_SIGNED_CERT/,
  );

  const asgi = await Server.start(t, "tunicorn", { args: [...flags, "-k", "asgi", "tells_asgi"], cwd });
  const [scheme, tls, left] = JSON.parse((await ask(asgi, { ...CLIENT, maxVersion: "TLSv1.2" })).body);
  assert.deepEqual([scheme, left], ["https", false]);
  assert.deepEqual([tls.client_cert_name, tls.client_cert_error, tls.tls_version], ["CN=client,O=A\\, B,C=CH", null, 0x0303]);
  assert.match(tls.client_cert_chain[0], /^-----BEGIN CERTIFICATE-----\n/);
  assert.match(tls.server_cert, /^-----BEGIN CERTIFICATE-----\n/);
  // AES with 128 or 256 bits: Node 20 and 24 prefer different ones.
  assert.ok([0xc02b, 0xc02c].includes(tls.cipher_suite), String(tls.cipher_suite));
});

test("changed files are read again, also at HUP; broken ones leave the old; sessions outlive a gateway", async (t) => {
  const folder = temporaryFolder(t);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const put = (name: string) => {
    copyFileSync(file(`${name}.pem`), cert);
    copyFileSync(file(`${name}.key`), key);
  };
  put("server");
  const server = await Server.start(t, "tunicorn", { args: ["--certfile", cert, "--keyfile", key, "whole_request"] });
  const lax = { rejectUnauthorized: false };
  assert.equal((await ask(server, lax)).shown, "localhost");
  put("other");
  await waitUntil("waiting for the other certificate", async () => (await ask(server, lax)).shown === "other.example");
  await server.waitForLine(/\[INFO\] certificates read again$/);

  writeFileSync(cert, "nonsense");
  await server.waitForLine(
    /\[ERROR\] certificates cannot be read again, the old ones stay: certfile ".*cert\.pem" with keyfile .* cannot be used: /,
  );
  assert.equal((await ask(server, lax)).shown, "other.example");
  put("server");
  await waitUntil("waiting for the first certificate", async () => (await ask(server, lax)).shown === "localhost");
  const from = server.lines.length;
  server.signal("SIGHUP");
  await server.waitForLine(/reload done gen=1 workers=1$/, from);
  assert.equal((await ask(server, lax)).shown, "localhost");

  const versions = ["TLSv1.2", "TLSv1.3"] as const;
  const sessions = await Promise.all(versions.map(async (version) => (await ask(server, { ...lax, maxVersion: version })).session));
  const areResumed = async () => {
    for (const [index, session] of sessions.entries()) {
      assert.ok(session);
      const { resumed, protocol } = await ask(server, { ...lax, maxVersion: versions[index], session });
      assert.deepEqual([resumed, protocol], [true, versions[index]]);
    }
  };
  await areResumed();
  const gateway = server.gateway() ?? 0;
  process.kill(gateway, "SIGKILL");
  await waitUntil("waiting for another gateway", () => ![undefined, gateway].includes(server.gateway()));
  await waitUntil("waiting for it to serve", async () => (await ask(server, lax).catch(() => undefined)) !== undefined);
  await areResumed();
});

test("a client that does not finish its handshake is dropped, and TERM does not wait for it", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...SERVER, "--handshake-timeout", "1", "whole_request"] });
  const silent = connectPlain(Number(server.address), "127.0.0.1");
  t.after(() => silent.destroy());
  await server.waitForLine(/\[INFO\] limit reached limit=handshake-timeout seconds=1 ip=127\.0\.0\.1$/);
  await waitUntil(
    "waiting for the connection's end",
    () => silent.closed || silent.destroyed || silent.readableEnded || silent.resume().closed,
  );
  const second = connectPlain(Number(server.address), "127.0.0.1");
  t.after(() => second.destroy());
  await new Promise((resolve) => second.on("connect", resolve));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test("large bodies both ways, a pipelined connection, a PROXY header before the handshake", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...SERVER, "--proxy-protocol", "auto", "large"] });
  const megabytes = 8;
  const body = "x".repeat(megabytes * 1024 * 1024);
  const upload = `POST /hash HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  assert.match((await ask(server, {}, upload)).head, /^HTTP\/1\.1 200 OK\r\n/);
  const raw = connectPlain(Number(server.address), "127.0.0.1");
  raw.on("error", () => {});
  raw.write("PROXY TCP4 198.51.100.7 198.51.100.1 50000 443\r\n");
  assert.match((await ask(server, { socket: raw })).head, /^HTTP\/1\.1 200 OK\r\n/);
});
