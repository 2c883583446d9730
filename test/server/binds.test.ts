/** What a server listens on: several addresses of every kind at once, sockets that are shared by `reuse_port`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { KINDS, PYTHON, Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";

/** What `/` answers, asked by Python, because Node does not connect to abstract names. @param address  Python source: `("::1", 8000)`. */
async function answerAt(family: "AF_INET6" | "AF_UNIX", address: string): Promise<string> {
  const source = `
import socket
client = socket.socket(socket.${family})
client.connect(${address})
client.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
print(client.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2].decode(), end="")
`;
  return (await promisify(execFile)(PYTHON, ["-c", source])).stdout;
}

for (const kind of KINDS) {
  test(`${kind}: IPv4, IPv6, a path and an abstract name at once`, async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, "site.sock");
    const name = `"\\0${folder}"`;
    const config = join(folder, "conf.py");
    writeFileSync(config, `bind = ["127.0.0.1:0", "[::1]:0", "unix:${path}", "unix:\\0${folder}"]\numask = 0o117\n`);
    const server = Server.spawn(t, kind, { args: ["-c", config, "cases"], bind: null });
    const [, port4 = "", port6 = ""] = await server.waitForLine(/Listening at: http:\/\/127\.0\.0\.1:(\d+),http:\/\/\[::1\]:(\d+),unix:/);
    server.address = Number(port4);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    assert.equal(await answerAt("AF_INET6", `("::1", ${port6})`), "hello\n");
    assert.equal((await exchange(path, get("/"))).body, "hello\n");
    assert.equal(await answerAt("AF_UNIX", name), "hello\n");
    assert.equal(statSync(path).mode & 0o777, 0o660);
    if (kind === "gunicorn") return; // its stop may take 15 s
    await server.stop();
    assert.equal(existsSync(path), false);
    await assert.rejects(answerAt("AF_UNIX", name), /ConnectionRefusedError/);
  });
}

// Gunicorn's workers bind by themselves then, and its log does not say where.
test("with reuse_port another server has the same address, and clients have either", async (t) => {
  const first = await Server.start(t, "tunicorn", { args: ["--reuse-port", "cases"] });
  const second = Server.spawn(t, "tunicorn", { args: ["--reuse-port", "cases"], bind: `127.0.0.1:${first.address}` });
  await second.ready();
  const owners = new Set<number>();
  while (owners.size < 2) {
    const { status, body } = await first.exchange(get("/pid"));
    assert.equal(status, 200);
    owners.add([first, second].findIndex((server) => server.workers().includes(Number(body))));
  }
  assert.deepEqual(owners, new Set([0, 1]));
  await first.stop();
  assert.equal((await second.exchange(get("/"))).body, "hello\n");
});

test("without reuse_port an address that somebody has is no second server's", async (t) => {
  const first = await Server.start(t, "tunicorn", { args: ["--reuse-port", "cases"] });
  const second = Server.spawn(t, "tunicorn", { args: ["cases"], bind: `127.0.0.1:${first.address}` });
  await second.waitForLine(/\[ERROR\] Connection in use: \('127\.0\.0\.1', \d+\)$/);
  second.signal("SIGTERM");
  await second.exit();
});
