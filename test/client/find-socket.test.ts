import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { clientSurroundings, findSockets, usualSocket } from "../../src/client/find-socket.ts";

test("servers that live, the likeliest first: ours by their places, then Gunicorn's", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  const [runtime, home] = [join(folder, "runtime"), join(folder, "home")];
  mkdirSync(runtime);
  mkdirSync(join(home, ".gunicorn"), { recursive: true });
  const living = [
    join(runtime, "tunicorn.ctl"),
    join(runtime, "tunicorn.9.ctl"),
    join(runtime, "tunicorn.10.ctl"),
    join(home, ".gunicorn/tunicorn.ctl"),
    join(runtime, "gunicorn.ctl"),
  ];
  const listeners = living.map((path) => createServer((socket) => socket.destroy()).listen(path));
  await Promise.all(listeners.map((listener) => once(listener, "listening")));
  const abstract = createServer((socket) => socket.destroy()).listen("\0tunicorn.4000000001.5");
  await once(abstract, "listening");
  t.after(() => {
    for (const listener of [...listeners, abstract]) listener.close();
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(runtime, "tunicorn.11.ctl"), "dead");
  writeFileSync(join(runtime, "other.ctl"), "");
  // A user whom nobody is: what is in directories that all share is not his.
  const surroundings = { env: { XDG_RUNTIME_DIR: runtime, HOME: home }, uid: 4_000_000_001, home: "/", temporaryDirectory: folder };
  assert.deepEqual(await findSockets(surroundings), [...living.slice(0, 4), "@tunicorn.4000000001.5", ...living.slice(4)]);
  assert.equal(usualSocket(surroundings), living[0]);
  const nobody = { ...surroundings, env: { HOME: "/nonexistent" }, uid: 4_000_000_002 };
  assert.deepEqual([await findSockets(nobody), usualSocket(nobody)], [[], "/nonexistent/.gunicorn/tunicorn.ctl"]);
});

test("the surroundings are this process's", () => {
  const { uid, env } = clientSurroundings();
  assert.deepEqual([uid, env], [process.geteuid?.(), process.env]);
});
