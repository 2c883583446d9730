/** test/server/control-places.test.ts has users who may write nowhere. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openControlSocket } from "../../src/arbiter/control-place.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function open(t: TestContext, path: string, env: Record<string, string>, temporaryDirectory: string) {
  // An id that nobody has: nothing of it is in the directories that all share.
  const uid = process.geteuid?.() ?? 0;
  const none = (): void => {};
  const opened = await openControlSocket(path, 0o600, { env, uid, home: "/nonexistent", temporaryDirectory }, none, none);
  t.after(() => opened.socket.close());
  return { path: opened.socket.path, instead: opened.instead };
}

test("where it is wanted; a relative path is in the current directory", async (t) => {
  const folder = folderOf(t);
  const before = process.cwd();
  process.chdir(folder);
  t.after(() => process.chdir(before));
  assert.deepEqual(await open(t, "app.ctl", {}, folder), { path: join(folder, "app.ctl"), instead: undefined });
});

test("in the service's runtime directory, when it cannot be where it is wanted", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "runtime"));
  const env = { RUNTIME_DIRECTORY: join(folder, "runtime") };
  const { path, instead } = await open(t, join(folder, "file/app.ctl"), env, folder);
  assert.equal(path, join(folder, "runtime/tunicorn.ctl"));
  assert.match(instead ?? "", /^cannot make .*\/file\/app\.ctl: (?:file already exists|not a directory)$/);
});

test("a directory that others may enter is not used, though it has the name", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file"), "");
  const own = join(folder, `tunicorn-${process.geteuid?.()}`);
  const runtime = { XDG_RUNTIME_DIR: join(folder, "none"), RUNTIME_DIRECTORY: join(folder, "none") };
  mkdirSync(own, { mode: 0o755 });
  chmodSync(own, 0o755);
  const elsewhere = await open(t, join(folder, "file/app.ctl"), runtime, folder);
  assert.ok(!elsewhere.path.startsWith(folder), elsewhere.path);
});
