import assert from "node:assert/strict";
import { constants } from "node:crypto";
import { test } from "node:test";
import type { HookedContext } from "../../src/arbiter/tls-hook.ts";
import { pathsOf, tlsSources } from "../../src/arbiter/tls-sources.ts";
import { settingsOf } from "./settings-of.ts";

const HOOKED: HookedContext = {
  chains: [{ cert: "/h/cert.pem", key: null, password: null }],
  authorities: [],
  verifyMode: 0,
  minimumVersion: null,
  maximumVersion: null,
  options: [],
  ciphers: null,
  curve: null,
  dhParameters: null,
  protocols: null,
};
const source = (setting: string, name: string, path = name) => ({ setting, name, path });
const ofHook = (path: string) => source("hook ssl_context: file", path);

test("the settings' own files begin where chdir leads", () => {
  const words = ["--chdir", "/tmp", "--certfile", "a.pem", "--keyfile", "/k.pem", "--ca-certs", "ca.pem", "--cert-reqs", "1"];
  const sources = tlsSources(settingsOf([...words, "--sni-certificate", "X.y=b.pem", "--ciphers", "C", "app"]), undefined);
  assert.deepEqual(sources, {
    pairs: [{ cert: source("certfile", "a.pem", "/tmp/a.pem"), key: source("keyfile", "/k.pem"), passphrase: undefined }],
    authorities: [source("ca_certs", "ca.pem", "/tmp/ca.pem")],
    hosts: [{ name: "x.y", cert: source("certfile", "b.pem", "/tmp/b.pem"), key: undefined, passphrase: undefined }],
    dhParameters: undefined,
    terms: { clientCertificates: "optional", ciphers: "C", special: {}, protocols: undefined },
  });
  assert.deepEqual(pathsOf(sources), ["/tmp/a.pem", "/k.pem", "/tmp/b.pem", "/tmp/ca.pem"]);
});

const settings = settingsOf([
  "--certfile",
  "/unused.pem",
  "--ca-certs",
  "/unused",
  "--cert-reqs",
  "2",
  "--sni-certificate",
  "x=/b.pem",
  "app",
]);

test("a hook's context takes the place of the settings, but for the names of ours", () => {
  const sources = tlsSources(settings, HOOKED);
  assert.deepEqual(pathsOf(sources), ["/h/cert.pem", "/b.pem"]);
  assert.equal(sources.authorities, undefined);
  assert.deepEqual(sources.terms, { clientCertificates: "unwanted", ciphers: undefined, special: {}, protocols: undefined });
});

test("all that a hook may say", () => {
  const sources = tlsSources(settings, {
    ...HOOKED,
    chains: [...HOOKED.chains, { cert: "/c", key: "/k", password: Buffer.from("geheim").toString("base64") }],
    authorities: [{ file: "/ca" }, { pem: "PEM" }],
    verifyMode: 2,
    minimumVersion: "TLSv1.2",
    maximumVersion: "TLSv1.3",
    options: ["OP_NO_TICKET", "OP_NO_TLSv1_1"],
    ciphers: "C",
    curve: "secp384r1",
    dhParameters: "/dh",
    protocols: ["http/1.1"],
  });
  assert.deepEqual(sources.pairs[1], { cert: ofHook("/c"), key: ofHook("/k"), passphrase: Buffer.from("geheim") });
  assert.deepEqual([sources.authorities, sources.dhParameters], [[ofHook("/ca"), "PEM"], ofHook("/dh")]);
  assert.deepEqual(sources.terms, {
    clientCertificates: "required",
    ciphers: "C",
    special: {
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_TLSv1_1,
      ecdhCurve: "secp384r1",
    },
    protocols: ["http/1.1"],
  });
});
