import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { peerUser } from "../../src/arbiter/socket-peer.ts";

const HALF = {
  python: "python3",
  program: fileURLToPath(new URL("../../python/tunicorn_worker/__main__.py", import.meta.url)),
  directory: "/",
};

test("the user at the other end; the connection can be used afterwards", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const listener = createServer({ pauseOnConnect: true }).listen(join(folder, "s"));
  await once(listener, "listening");
  const client = connect(join(folder, "s"));
  const [socket] = (await once(listener, "connection")) as [Socket];
  client.write("hello");
  assert.equal(await peerUser(HALF, socket), process.geteuid?.());
  const reading = once(socket, "data");
  socket.resume();
  const [chunk] = await reading;
  assert.equal(String(chunk), "hello");
  assert.equal(await peerUser({ ...HALF, python: "/nonexistent" }, socket), undefined);
  client.destroy();
  socket.destroy();
  listener.close();
});
