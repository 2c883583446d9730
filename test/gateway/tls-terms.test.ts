import assert from "node:assert/strict";
import { test } from "node:test";
import type { SecureContext } from "node:tls";
import { MATERIAL, pair, termsOf } from "./tls-material.ts";

for (const [clientCertificates, requestCert, rejectUnauthorized] of [
  ["unwanted", false, false],
  ["optional", true, false],
  ["required", true, true],
] as const) {
  test(`client certificates that are ${clientCertificates}`, () => {
    const terms = termsOf({ clientCertificates });
    const options = terms.options();
    assert.deepEqual(
      [options.requestCert, options.rejectUnauthorized, terms.asksForCertificate],
      [requestCert, rejectUnauthorized, requestCert],
    );
  });
}

test("contexts by name, and new ones after an update", () => {
  const hosts = [
    { name: "other.example", ...pair("other") },
    { name: "*.star.example", ...pair("star") },
  ];
  const terms = termsOf({ hosts });
  const { secureContext, SNICallback } = terms.options();
  const chosen = (name: string) => {
    let context: SecureContext | undefined;
    SNICallback?.(name, (_, found) => {
      context = found;
    });
    return context;
  };
  const [other, star] = [chosen("other.example"), chosen("a.star.example")];
  assert.equal(new Set([secureContext, other, star]).size, 3);
  assert.deepEqual([chosen("OTHER.EXAMPLE"), chosen("b.star.example")], [other, star]);
  for (const name of ["star.example", "a.b.star.example", "x.other.example"]) assert.equal(chosen(name), secureContext, name);
  terms.update({ ...MATERIAL, hosts: [] });
  assert.equal(terms.options().SNICallback, undefined);
  assert.notEqual(terms.options().secureContext, secureContext);
});

test("protocols are offered in their order", () => {
  assert.deepEqual(termsOf({}, ["h2", "http/1.1"]).options().ALPNProtocols, ["h2", "http/1.1"]);
});
