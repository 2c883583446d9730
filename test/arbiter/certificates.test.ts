import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Certificates } from "../../src/arbiter/certificates.ts";
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
    cert: text("server.pem"),
    key: text("server.key"),
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
