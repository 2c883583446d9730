import assert from "node:assert/strict";
import { test } from "node:test";
import { callTlsHook } from "../../src/arbiter/tls-hook.ts";
import type { Resolved, Settings } from "../../src/settings/index.ts";
import { resolvedOf } from "./settings-of.ts";
import { startStandIn } from "./stand-in.ts";

const TLS = ["--certfile", "/a.pem"];

/** Settings with the hook, as a configuration gives it. */
function hooked(words: readonly string[]): Resolved {
  const resolved = resolvedOf([...words, "app"]);
  const hook = { ...(resolved.settings.ssl_context as object), name: "ssl_context" };
  return { ...resolved, settings: { ...resolved.settings, ssl_context: hook } as Settings };
}

async function call(resolved: Resolved, behaviour = "") {
  const nursery = startStandIn(behaviour);
  try {
    return await callTlsHook(resolved, { cmd: "settings" }, nursery);
  } finally {
    nursery.kill();
  }
}

test("the nursery calls it, with the settings", async () => assert.deepEqual(await call(hooked(TLS)), { asked: "settings" }));

for (const [name, resolved] of [
  ["there is none", resolvedOf([...TLS, "app"])],
  ["there is no TLS", hooked([])],
  ["workers accept clients by themselves", hooked([...TLS, "-k", "tornado"])],
] as const) {
  test(`nobody is asked when ${name}`, async () => assert.equal(await call(resolved), undefined));
}

test("what goes wrong in it is an error with its words", async () => {
  await assert.rejects(call(hooked(TLS), "broken-hook"), { message: "hook ssl_context: no" });
  await assert.rejects(call(hooked(TLS), "leaving-hook"), { message: "hook ssl_context ended with 3" });
});
