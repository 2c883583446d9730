import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsFacts } from "../../src/request/request-head.ts";
import { DICT_END, DICT_START } from "../../src/wire/marshal.ts";
import { tlsExtension, tlsVariables } from "../../src/wire/tls-variables.ts";
import { PYTHONS } from "../pythons.ts";
import { readInPython } from "./read-in-python.ts";

const ANONYMOUS: TlsFacts = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  serverCertificate: "-----SERVER-----\n",
  clientChain: [],
  clientName: undefined,
};
const KNOWN: TlsFacts = { ...ANONYMOUS, clientChain: ["-----A-----\n", "-----B-----\n"], clientName: "CN=Zoë,O=日本" };
const STRANGE: TlsFacts = { ...ANONYMOUS, version: "TLSv1.9", cipher: "TLS_NEW", serverCertificate: undefined };

const inPython = (entries: string) => PYTHONS.map(({ path }) => readInPython(path, [DICT_START + entries + DICT_END])[0]);

for (const [name, facts, variables, extension] of [
  [
    "without a client's certificate",
    ANONYMOUS,
    { SSL_PROTOCOL: "TLSv1.3", SSL_CIPHER: "TLS_AES_256_GCM_SHA384" },
    { server_cert: "-----SERVER-----\n", client_cert_chain: [], client_cert_name: null, tls_version: 0x0304, cipher_suite: 0x1302 },
  ],
] as const) {
  test(`what applications are told ${name}`, () => {
    for (const read of inPython(tlsVariables(facts))) assert.deepEqual(read, variables);
    for (const read of inPython(tlsExtension(facts))) assert.deepEqual(read, { tls: extension });
  });
}

test("the client's certificate and its issuers", () => {
  for (const read of inPython(tlsVariables(KNOWN))) {
    const { SSL_CLIENT_VERIFY: verify, SSL_CLIENT_S_DN: name, SSL_CLIENT_CERT: cert } = read as Record<string, string>;
    assert.deepEqual([verify, name, cert], ["SUCCESS", "CN=Zoë,O=日本", "-----A-----\n"]);
  }
  for (const read of inPython(tlsExtension(KNOWN))) {
    const { tls } = read as { tls: Record<string, unknown> };
    assert.deepEqual([tls.client_cert_chain, tls.client_cert_name], [KNOWN.clientChain, KNOWN.clientName]);
  }
});

test("versions and suites that have no number here are None", () => {
  for (const read of inPython(tlsExtension(STRANGE))) {
    const { tls } = read as { tls: Record<string, unknown> };
    assert.deepEqual([tls.tls_version, tls.cipher_suite, tls.server_cert], [null, null, null]);
  }
});
