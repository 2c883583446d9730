import assert from "node:assert/strict";
import { test } from "node:test";
import { tlsInadequacy } from "../../../src/protocol/http2/tls-requirements.ts";

const REST = { serverCertificate: undefined, clientChain: [], clientName: undefined };

for (const [version, cipher, expected] of [
  ["TLSv1.3", "TLS_AES_128_GCM_SHA256", undefined],
  ["TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", undefined],
  // RFC 9113 §9.2.2: the one that everybody must have.
  ["TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", undefined],
  ["TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", undefined],
  ["TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_CCM", undefined],
  ["TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", undefined],
  // Listed in Appendix A, one for each reason.
  ["TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "HTTP/2 over TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"],
  ["TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256", "HTTP/2 over TLS_RSA_WITH_AES_128_GCM_SHA256"],
  ["TLSv1.2", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", "HTTP/2 over TLS_DH_anon_WITH_AES_128_GCM_SHA256"],
  ["TLSv1.2", "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "HTTP/2 over TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"],
  ["TLSv1.2", "TLS_ECDHE_RSA_WITH_NULL_SHA", "HTTP/2 over TLS_ECDHE_RSA_WITH_NULL_SHA"],
  ["TLSv1.1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "HTTP/2 over TLSv1.1"],
] as const) {
  test(`${version} with ${cipher} is ${expected === undefined ? "enough" : "too little"}`, () => {
    assert.equal(tlsInadequacy({ version, cipher, ...REST }), expected);
  });
}
