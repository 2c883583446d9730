import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { AdminBindError, descriptorOf, listenAt } from "../../src/arbiter/admin-listener.ts";

const OWNER = { umask: 0o022, uid: -1, gid: -1 };

test("a free port of the kernel's choice", async (t) => {
  const server = createServer();
  t.after(() => server.close());
  await listenAt(server, { kind: "tcp", host: "127.0.0.1", port: 0 }, OWNER);
  assert.ok((server.address() as AddressInfo).port > 0);
  assert.ok((descriptorOf(server) ?? -1) > 2);
});

test("a busy port is told with Gunicorn's words for the address", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  await assert.rejects(listenAt(createServer(), { kind: "tcp", host: "127.0.0.1", port }, OWNER), (error) => {
    assert.ok(error instanceof AdminBindError);
    assert.deepEqual([error.code, error.shown], ["EADDRINUSE", `('127.0.0.1', ${port})`]);
    return true;
  });
});

test("the umask of the process is as it was, also when the path cannot be bound", async () => {
  const before = process.umask();
  await assert.rejects(listenAt(createServer(), { kind: "unix", path: "/none/such/path" }, { ...OWNER, umask: 0o777 }), AdminBindError);
  assert.equal(process.umask(), before);
});

test("a server that does not listen has no descriptor", () => assert.equal(descriptorOf(createServer()), undefined));
