/** h2spec, the conformance tests of HTTP/2. It comes by the Go toolchain, which not every machine has: hence a soak. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runH2spec } from "./find-h2spec.ts";
import { Server } from "./harness.ts";

const certificate = (name: string) => fileURLToPath(new URL(`../certificates/${name}`, import.meta.url));

test("h2spec without TLS", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--http-protocols", "h2,h1", "--http2-cleartext", "both"] });
  const { output, passed, failed, skipped } = await runH2spec(Number(server.address));
  // 3.5/2 sends no preface: beside HTTP/1 that is a request, with Gunicorn too.
  assert.deepEqual([passed, failed, skipped], [144, 1, 0], output);
  assert.match(output, /× 2: Sends invalid connection preface/);
});

for (const application of [["cases"], ["asgi_cases", "-k", "asgi"]]) {
  test(`h2spec over TLS, ${application.at(-1)}`, async (t) => {
    const tls = ["--http-protocols", "h2,h1", "--certfile", certificate("server.pem"), "--keyfile", certificate("server.key")];
    const server = await Server.start(t, "tunicorn", { args: [...application, ...tls] });
    const { output, passed, failed, skipped } = await runH2spec(Number(server.address), ["-t", "-k"]);
    assert.deepEqual([passed, failed, skipped], [145, 0, 0], output);
  });
}
