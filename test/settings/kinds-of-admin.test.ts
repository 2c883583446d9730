import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckContext } from "../../src/settings/kind.ts";
import { adminAddresses, adminPrefix } from "../../src/settings/kinds-of-admin.ts";

const CONTEXT = { warn: assert.fail } as unknown as CheckContext;
const text = (v: string) => ({ t: "str", v }) as const;

test("addresses with a port, and paths", () => {
  const good = ["127.0.0.1:9100", "[::1]:9100", ":9100", "localhost:0", "unix:/run/a.sock", "unix:a.sock", "127.0.0.1:9100"];
  assert.deepEqual(adminAddresses.check({ t: "list", v: good.map(text) }, CONTEXT), good.slice(0, -1));
  assert.deepEqual(adminAddresses.check({ t: "none" }, CONTEXT), []);
});

for (const bad of ["9100", "localhost", "fd://3", "unix:", "127.0.0.1:", "127.0.0.1:65536", "::1:9100"]) {
  test(`no address: ${bad}`, () => {
    assert.throws(() => adminAddresses.check(text(bad), CONTEXT), { name: "InvalidValue", message: /admin_bind must be HOST:PORT/ });
  });
}

test("a prefix loses the slash at its end; none is none", () => {
  for (const given of ["/-/admin", "/-/admin/"]) assert.equal(adminPrefix.check(text(given), CONTEXT), "/-/admin");
  for (const none of [text(""), { t: "none" } as const]) assert.equal(adminPrefix.check(none, CONTEXT), null);
});

for (const bad of ["admin", "/", "//", "/a//b", "/a b", "/a?b", "/%2e"]) {
  test(`no prefix: ${bad}`, () => {
    assert.throws(() => adminPrefix.check(text(bad), CONTEXT), { name: "InvalidValue", message: /admin_prefix must be a path/ });
  });
}
