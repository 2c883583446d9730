import assert from "node:assert/strict";
import { test } from "node:test";
import { clientTerms } from "../../src/gateway/client-terms.ts";
import { settingsOf } from "./settings-of.ts";
import { MATERIAL } from "./tls-material.ts";

test("the usual settings: HTTP/1 in plain text, from its first byte", () => {
  const terms = clientTerms(settingsOf(), undefined, "pull");
  const { tls, proxyRules, speaksUwsgi, namesReachedAddress } = terms;
  assert.deepEqual([tls, proxyRules, speaksUwsgi, namesReachedAddress], [undefined, undefined, undefined, false]);
  assert.deepEqual([terms.isTrusted("127.0.0.1"), terms.isTrusted("192.0.2.1")], [true, false]);
});

test("what the settings ask for is there", () => {
  const words = ["--proxy-protocol=auto", "--forwarded-allow-ips", "192.0.2.1", "--limit-request-line", "100", "--handshake-timeout", "3"];
  const terms = clientTerms(settingsOf(words), MATERIAL, "asgi");
  assert.ok(terms.proxyRules !== undefined);
  assert.deepEqual([terms.isTrusted("192.0.2.1"), terms.namesReachedAddress, terms.tls?.handshakeMs], [true, true, 3_000]);
  assert.equal(clientTerms(settingsOf(["--protocol", "uwsgi"]), undefined, "pull").speaksUwsgi instanceof Function, true);
});
