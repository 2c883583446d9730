/** The hook `ssl_context`, beside Gunicorn: what people do in it, and what of it stops the start. */

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { certificateFile as file, TLS_SERVER, certificateText as text } from "./certificates.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

const CLIENT = { cert: text("client.pem"), key: text("client.key") };

/** What a client sees: `"TLSv1.3 localhost 200"`, or `"refused"`. */
async function seen(server: Server, options: ConnectionOptions = {}): Promise<string> {
  return await withDeadline<string>("asking by TLS", (resolve) => {
    let received = "";
    let facts = "refused";
    const socket: TLSSocket = connect({ host: "127.0.0.1", port: Number(server.address), rejectUnauthorized: false, ...options });
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("secureConnect", () => {
      const alpn = socket.alpnProtocol === false ? "" : ` ${socket.alpnProtocol}`;
      facts = `${socket.getProtocol()} ${socket.getPeerCertificate().subject?.CN}${alpn}`;
      socket.write(get("/").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    });
    socket.on("data", (data: string) => {
      received += data;
    });
    // With TLS 1.3 a client is done before the server has looked at its certificate.
    socket.on("close", () => resolve(received.startsWith("HTTP/1.1 200") ? facts : "refused"));
  });
}

function args(t: TestContext, body: string, { flags = TLS_SERVER as readonly string[], more = "" } = {}): string[] {
  const config = join(temporaryFolder(t), "gunicorn.conf.py");
  const lines = body.split("\n").map((line) => `    ${line}`);
  writeFileSync(config, `import ssl\n${more}\ndef ssl_context(conf, default_ssl_context_factory):\n${lines.join("\n")}\n`);
  return ["-c", config, "-k", "gthread", ...flags, "whole_request"];
}

const OF_FACTORY = (change: string) => `context = default_ssl_context_factory()\n${change}\nreturn context`;
const OF_ITS_OWN = (change: string) =>
  `context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\ncontext.load_cert_chain(conf.certfile, conf.keyfile)\n${change}\nreturn context`;
const V12 = { maxVersion: "TLSv1.2" } as const;
const V13 = { minVersion: "TLSv1.3" } as const;

interface Recipe {
  readonly name: string;
  readonly body: string;
  readonly more?: string;
  /** What the client offers, and what it then sees. */
  readonly clients: readonly (readonly [ConnectionOptions, string])[];
}

const RECIPES: readonly Recipe[] = [
  {
    name: "minimum_version, as in Gunicorn's manual",
    body: OF_FACTORY("context.minimum_version = ssl.TLSVersion.TLSv1_3"),
    clients: [
      [V13, "TLSv1.3 localhost"],
      [V12, "refused"],
    ],
  },
  {
    name: "OP_NO_TLSv1_3 on a context of its own",
    body: OF_ITS_OWN("context.options |= ssl.OP_NO_TLSv1_3"),
    clients: [
      [{}, "TLSv1.2 localhost"],
      [V13, "refused"],
    ],
  },
  {
    name: "create_default_context, imported before, and a maximum_version",
    more: "from ssl import create_default_context",
    body:
      "context = create_default_context(ssl.Purpose.CLIENT_AUTH)\ncontext.load_cert_chain(conf.certfile, conf.keyfile)\n" +
      "context.maximum_version = ssl.TLSVersion.TLSv1_2\nreturn context",
    clients: [
      [{}, "TLSv1.2 localhost"],
      [V13, "refused"],
    ],
  },
  {
    name: "set_ciphers",
    body: OF_FACTORY('context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")'),
    clients: [
      [{ ...V12, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }, "TLSv1.2 localhost"],
      [{ ...V12, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, "refused"],
      [V13, "TLSv1.3 localhost"],
    ],
  },
  {
    name: "an old version, with the ciphers that it needs",
    body: OF_FACTORY('context.minimum_version = ssl.TLSVersion.TLSv1\ncontext.set_ciphers("ALL:@SECLEVEL=0")'),
    clients: [[{ minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }, "TLSv1 localhost"]],
  },
  {
    name: "load_cert_chain with a password, over the factory's",
    body: OF_FACTORY(
      `context.load_cert_chain(${JSON.stringify(file("server.pem"))}, ${JSON.stringify(file("server-encrypted.key"))}, password="geheim")`,
    ),
    clients: [[{}, "TLSv1.3 localhost"]],
  },
  {
    name: "another certificate of the same kind over the factory's",
    body: OF_FACTORY(`context.load_cert_chain(${JSON.stringify(file("other.pem"))}, ${JSON.stringify(file("other.key"))})`),
    clients: [[{}, "TLSv1.3 other.example"]],
  },
  {
    name: "certificates of two kinds of key",
    body: OF_FACTORY(`context.load_cert_chain(${JSON.stringify(file("rsa.pem"))}, ${JSON.stringify(file("rsa.key"))})`),
    clients: [
      [{ ...V12, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, "TLSv1.2 rsa.example"],
      [{ ...V12, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, "TLSv1.2 localhost"],
    ],
  },
  {
    name: "verify_mode and load_verify_locations",
    body: OF_FACTORY(`context.verify_mode = ssl.CERT_REQUIRED\ncontext.load_verify_locations(${JSON.stringify(file("ca.pem"))})`),
    clients: [
      [CLIENT, "TLSv1.3 localhost"],
      [{}, "refused"],
      [{ cert: text("stranger.pem"), key: text("stranger.key") }, "refused"],
    ],
  },
  {
    name: "authorities as text",
    body: OF_ITS_OWN(
      `context.verify_mode = ssl.CERT_REQUIRED\ncontext.load_verify_locations(cadata=open(${JSON.stringify(file("ca.pem"))}).read())`,
    ),
    clients: [
      [CLIENT, "TLSv1.3 localhost"],
      [{}, "refused"],
    ],
  },
  {
    name: "set_ecdh_curve",
    body: OF_FACTORY('context.set_ecdh_curve("secp384r1")'),
    clients: [
      [{ ecdhCurve: "secp384r1" }, "TLSv1.3 localhost"],
      [{ ecdhCurve: "prime256v1" }, "refused"],
    ],
  },
  {
    name: "set_alpn_protocols",
    body: OF_FACTORY('context.set_alpn_protocols(["http/1.1"])'),
    clients: [[{ ALPNProtocols: ["h2", "http/1.1"] }, "TLSv1.3 localhost http/1.1"]],
  },
];

async function outcomes(t: TestContext, kind: ServerKind, { body, more, clients }: Recipe): Promise<string[]> {
  const server = await Server.start(t, kind, { args: args(t, body, more === undefined ? {} : { more }) });
  const got: string[] = [];
  for (const [options] of clients) got.push(await seen(server, options));
  return got;
}

for (const recipe of RECIPES) {
  test(`beside Gunicorn: ${recipe.name}`, async (t) => {
    const expected = recipe.clients.map(([, outcome]) => outcome);
    const [tunicorn, gunicorn] = await Promise.all([outcomes(t, "tunicorn", recipe), outcomes(t, "gunicorn", recipe)]);
    assert.deepEqual({ tunicorn, gunicorn }, { tunicorn: expected, gunicorn: expected });
  });
}

for (const [name, body, pattern, more] of [
  [
    "sni_callback",
    OF_FACTORY("context.sni_callback = lambda *_: None"),
    /^Error: hook ssl_context: sni_callback = .* cannot be honoured: name the certificates in sni_certificates$/m,
  ],
  [
    "h2 where it is not spoken",
    OF_FACTORY('context.set_alpn_protocols(["h2"])'),
    /^Error: hook ssl_context: set_alpn_protocols\(\) offers 'h2': /m,
  ],
  [
    "a context from outside of the hook",
    "return made",
    /^Error: hook ssl_context: its context has no certificate from within the hook: /m,
    `made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\nmade.load_cert_chain(${JSON.stringify(file("server.pem"))}, ${JSON.stringify(file("server.key"))})`,
  ],
  ["None", "return None", /^Error: hook ssl_context: it returned None, which is no ssl\.SSLContext$/m],
  ["an exception", 'raise KeyError("broken")', /^Error: hook ssl_context failed\nTraceback [\s\S]*KeyError: 'broken'$/m],
] as const) {
  test(`${name} stops the start: never plain text, never weaker`, async (t) => {
    const server = Server.spawn(t, "tunicorn", { args: args(t, body, more === undefined ? {} : { more }) });
    assert.equal((await server.exit()).code, 1);
    assert.match(server.output(), pattern);
  });
}

test("HUP calls the hook again; one that fails leaves what was; files of the hook are read again when they change", async (t) => {
  const folder = temporaryFolder(t);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const put = (name: string) => {
    copyFileSync(file(`${name}.pem`), cert);
    copyFileSync(file(`${name}.key`), key);
  };
  const config = join(folder, "gunicorn.conf.py");
  const write = (change: string) =>
    writeFileSync(
      config,
      `import ssl\ndef ssl_context(conf, factory):\n    context = factory()\n    context.load_cert_chain("cert.pem", "key.pem")\n    ${change}\n    return context\n`,
    );
  put("other");
  write("pass");
  const server = await Server.start(t, "tunicorn", { args: ["-c", config, "--chdir", folder, ...TLS_SERVER, "whole_request"] });
  assert.equal(await seen(server, V12), "TLSv1.2 other.example");
  put("star");
  await waitUntil("waiting for the other certificate", async () => (await seen(server, V12)) === "TLSv1.2 *.star.example");
  write("context.minimum_version = ssl.TLSVersion.TLSv1_3");
  server.signal("SIGHUP");
  await server.waitForLine(/reload done gen=1 workers=1$/);
  assert.deepEqual([await seen(server, V12), await seen(server)], ["refused", "TLSv1.3 *.star.example"]);
  write("context.sni_callback = print");
  const from = server.lines.length;
  server.signal("SIGHUP");
  await server.waitForLine(/sni_callback = .* cannot be honoured/, from);
  assert.deepEqual([await seen(server, V12), await seen(server)], ["refused", "TLSv1.3 *.star.example"]);
});

test("without certfile and keyfile there is no TLS, as with Gunicorn, and that is said", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: args(t, "raise KeyError", { flags: [] }) });
  assert.match(server.output("stderr"), /^Warning: ssl_context is set but neither certfile nor keyfile is: there is no TLS/m);
  assert.equal((await server.exchange(get("/"))).status, 200);
});
