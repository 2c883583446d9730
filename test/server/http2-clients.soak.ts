/** Clients of HTTP/2 that others wrote and that not every machine has: nghttp and h2load (nghttp2), curl with HTTP/2. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { certificateFile, TLS_SERVER } from "./certificates.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";

const run = promisify(execFile);
const REQUESTS = 20_000;
const UPLOAD_BYTES = 50 * 1024 * 1024;

/** What a program has said. @throws {Error} that names it when the machine does not have it. */
async function output(program: string, ...words: string[]): Promise<string> {
  try {
    const { stdout } = await run(program, words, { maxBuffer: 2 * UPLOAD_BYTES, encoding: "latin1" });
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error(`there is no ${program} on this machine`, { cause: error });
    throw error;
  }
}

const start = (t: Scope, application: readonly string[]) =>
  Server.start(t, "tunicorn", { args: [...application, ...TLS_SERVER, "--http-protocols", "h2,h1", "-w", "2"] });

for (const application of [
  ["cases"],
  ["cases", "-k", "gthread", "--threads", "4"],
  ["cases", "-k", "gevent"],
  ["asgi_cases", "-k", "asgi"],
]) {
  test(`h2load, ${application.join(" ")}: ${REQUESTS} requests, all answered`, async (t) => {
    const server = await start(t, application);
    for (const [connections, streams] of [
      ["16", "8"],
      ["1", "100"],
    ] as const) {
      const url = `https://127.0.0.1:${server.address}/`;
      const said = await output("h2load", "-n", String(REQUESTS), "-c", connections, "-m", streams, url);
      t.diagnostic(/^finished in .*$/m.exec(said)?.[0] ?? said);
      assert.match(said, new RegExp(`${REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout`));
      assert.match(said, /Application protocol: h2/);
    }
  });
}

test("nghttp: a page with its head, an upload", async (t) => {
  const server = await start(t, ["large"]);
  const url = `https://127.0.0.1:${server.address}`;
  const page = await output("nghttp", "-v", `${url}/`);
  assert.match(page, /:status: 200[\s\S]*server: tunicorn[\s\S]*hello\n/);
  const file = join(temporaryFolder(t), "upload");
  const bytes = Buffer.alloc(UPLOAD_BYTES, "0123456789");
  writeFileSync(file, bytes);
  const digest = createHash("sha1").update(bytes).digest("hex");
  assert.equal(await output("nghttp", "-d", file, `${url}/hash`), digest);
});

test("curl: 50 MB to and from an application, the same bytes", async (t) => {
  const server = await start(t, ["large"]);
  const file = join(temporaryFolder(t), "upload");
  const bytes = Buffer.alloc(UPLOAD_BYTES, "0123456789");
  writeFileSync(file, bytes);
  const trust = ["--cacert", certificateFile("ca.pem"), "--resolve", `localhost:${server.address}:127.0.0.1`];
  const words = [
    "-sS",
    "--http2",
    ...trust,
    "-w",
    "|%{http_version}",
    "--data-binary",
    `@${file}`,
    `https://localhost:${server.address}/echo`,
  ];
  const said = await output("curl", ...words);
  assert.equal(said.slice(UPLOAD_BYTES), "|2");
  assert.ok(said.slice(0, UPLOAD_BYTES) === bytes.latin1Slice());
});
