import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect, type SecureContext, TLSSocket } from "node:tls";
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

for (const { hook, settings, offered } of [
  { hook: ["h2"], settings: ["h2", "http/1.1"], offered: ["h2", "http/1.1"] },
  { hook: ["http/1.1", "h2"], settings: ["h2", "http/1.1"], offered: ["http/1.1", "h2"] },
  { hook: ["http/1.1"], settings: ["h2", "http/1.1"], offered: ["http/1.1"] },
  { hook: ["h2"], settings: ["http/1.1"], offered: ["http/1.1"] },
  { hook: [], settings: ["h2", "http/1.1"], offered: ["http/1.1"] },
]) {
  test(`a hook that offers ${hook.join(" and ") || "nothing"} where ${settings.join(" and ")} are spoken`, () =>
    assert.deepEqual(termsOf({ protocols: hook }, settings).options().ALPNProtocols, offered));
}

test("several certificates, and what else a hook says, are what clients meet", async (t) => {
  const special = { maxVersion: "TLSv1.2" as const, secureOptions: 0 };
  const terms = termsOf({ pairs: [pair("server"), pair("rsa")], special });
  const server = createServer((socket) => new TLSSocket(socket, terms.options()).on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  for (const [suite, name] of [
    ["ECDHE-RSA-AES128-GCM-SHA256", "rsa.example"],
    ["ECDHE-ECDSA-AES128-GCM-SHA256", "localhost"],
  ]) {
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ciphers: `${suite}:TLS_AES_128_GCM_SHA256` });
    await new Promise<void>((resolve) => client.once("secureConnect", resolve));
    assert.deepEqual([client.getProtocol(), client.getPeerCertificate().subject.CN], ["TLSv1.2", name]);
    client.destroy();
  }
});
