import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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

test("no descriptor is free for asking: nobody knows", () => {
  const source = `
    import { once } from "node:events";
    import { openSync } from "node:fs";
    import { connect, createServer } from "node:net";
    import { peerUser } from ${JSON.stringify(new URL("../../src/arbiter/socket-peer.ts", import.meta.url).href)};
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const socket = connect(listener.address().port);
    await once(socket, "connect");
    try {
      for (;;) openSync("/dev/null");
    } catch {
      console.log(await peerUser(${JSON.stringify(HALF)}, socket));
    }
    process.exit();`;
  const words = ["--import", fileURLToPath(new URL("../../scripts/typescript.mjs", import.meta.url)), "--input-type=module", "-e", source];
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", 'ulimit -n 100 && exec "$0" "$@"', process.execPath, ...words], {
    encoding: "latin1",
  });
  assert.deepEqual([stdout, stderr], ["undefined\n", ""]);
});

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
