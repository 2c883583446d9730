import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Certificates } from "../../src/arbiter/certificates.ts";
import type { HookedContext } from "../../src/arbiter/tls-hook.ts";
import { settingsOf } from "./settings-of.ts";

const FOLDER = fileURLToPath(new URL("../certificates", import.meta.url));
const file = (name: string) => join(FOLDER, name);
const text = (name: string) => readFileSync(file(name), "utf8");
const read = (...words: string[]) => new Certificates(settingsOf([...words, "app"])).material;
const SERVER = ["--certfile", file("server.pem"), "--keyfile", file("server.key")];

test("what gateways get", () => {
  const { ticketKeys, ...material } = read(
    ...[...SERVER, "--ca-certs", file("ca.pem"), "--cert-reqs", "1", "--ciphers", "ECDHE+AESGCM"],
    ...["--sni-certificate", `Other.Example=${file("other.pem")},${file("other.key")}`],
  );
  assert.deepEqual(material, {
    pairs: [{ cert: text("server.pem"), key: text("server.key") }],
    special: {},
    protocols: undefined,
    ca: text("ca.pem"),
    clientCertificates: "optional",
    ciphers: "ECDHE+AESGCM",
    hosts: [{ name: "other.example", cert: text("other.pem"), key: text("other.key") }],
  });
  assert.equal(Buffer.from(ticketKeys, "base64").length, 48);
});

test("ticket keys stay, and are not another server's", () => {
  const certificates = new Certificates(settingsOf([...SERVER, "app"]));
  const { ticketKeys } = certificates.material;
  certificates.readAgain();
  assert.equal(certificates.material.ticketKeys, ticketKeys);
  assert.notEqual(read(...SERVER).ticketKeys, ticketKeys);
});

for (const [words, message] of [
  [["--certfile", "/nope"], 'certfile "/nope" does not exist'],
  [[...SERVER, "--ca-certs", "/nope"], 'ca_certs "/nope" does not exist'],
  [["--keyfile", file("server.key")], "keyfile is set, but certfile is not: name the certificate too"],
  [[...SERVER, "--sni-certificate", "x"], 'sni_certificates: "x" is not NAME=CERTFILE or NAME=CERTFILE,KEYFILE'],
] as const) {
  test(`${words.at(-2)} ${words.at(-1)} is refused`, () => assert.throws(() => read(...words), { message }));
}

for (const [words, pattern] of [
  [["--certfile", file("server.pem")], /server\.pem" cannot be used: /],
  [[...SERVER, "--ciphers", "NOSUCH"], /cannot be used: .*no cipher match/],
  [
    [...SERVER, "--sni-certificate", `x=${file("other.pem")},${file("server.key")}`],
    /the certificate of x in sni_certificates cannot be used: /,
  ],
  [["--certfile", FOLDER], /certfile ".*" cannot be read: EISDIR/],
] as const) {
  test(`${words.at(-2)} that cannot be used is refused: ${pattern}`, () => assert.throws(() => read(...words), { message: pattern }));
}

const chain = (cert: string, key: string, password: string | null = null) => ({ cert: file(cert), key: file(key), password });
const GEHEIM = Buffer.from("geheim").toString("base64");

function hooked(context: Partial<HookedContext>) {
  const nothing = { minimumVersion: null, maximumVersion: null, ciphers: null, curve: null, dhParameters: null, protocols: null };
  const usual = { chains: [chain("server.pem", "server.key")], authorities: [], verifyMode: 0, options: [] };
  return new Certificates(settingsOf([...SERVER, "app"]), { ...nothing, ...usual, ...context }).material;
}

test("of a hook's certificates the last of each kind of key counts", () => {
  const chains = [chain("server.pem", "server.key"), chain("rsa.pem", "rsa.key"), chain("other.pem", "other.key")];
  const { pairs } = hooked({ chains });
  assert.deepEqual(new Set(pairs.map(({ cert }) => cert)), new Set([text("other.pem"), text("rsa.pem")]));
});

test("a key with a password is handed on without it", () => {
  const { pairs } = hooked({ chains: [chain("server.pem", "server-encrypted.key", GEHEIM)] });
  assert.match(pairs[0]?.key ?? "", /^-----BEGIN PRIVATE KEY-----/);
  assert.throws(() => hooked({ chains: [chain("server.pem", "server-encrypted.key", "eA==")] }), {
    message: /^hook ssl_context: file ".*server\.pem" with hook ssl_context: file ".*encrypted\.key" cannot be used: /,
  });
});

test("authorities from several places, and what else a hook says", () => {
  const { ca, special } = hooked({ authorities: [{ file: file("ca.pem") }, { pem: "PEM" }], minimumVersion: "TLSv1.3" });
  assert.deepEqual([ca, special], [`${text("ca.pem")}\nPEM`, { minVersion: "TLSv1.3" }]);
});

test("what a hook says and Node cannot use stops the start", () => {
  assert.throws(() => hooked({ curve: "nosuch" }), { message: /cannot be used: / });
  assert.throws(() => hooked({ dhParameters: "/nope" }), { message: 'hook ssl_context: file "/nope" does not exist' });
  assert.throws(() => hooked({ chains: [chain("server.pem", "server.key"), chain("README.md", "rsa.key")] }), {
    message: /README\.md" with .* cannot be used: /,
  });
});
