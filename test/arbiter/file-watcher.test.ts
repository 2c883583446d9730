import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FileWatcher, type ReloadEngine } from "../../src/arbiter/file-watcher.ts";
import { waitUntil } from "../server/deadline.ts";

interface Watched {
  readonly folder: string;
  readonly watcher: FileWatcher;
  readonly changes: string[];
  readonly troubles: string[];
  /** Waits until so many changes have been told. */
  told(count: number): Promise<unknown>;
}

function watched(t: TestContext, engine: ReloadEngine): Watched {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-sources-"));
  const changes: string[] = [];
  const troubles: string[] = [];
  const watcher = new FileWatcher(
    engine,
    (path) => changes.push(path),
    (text) => troubles.push(text),
  );
  t.after(() => {
    watcher.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const told = (count: number) => waitUntil(`waiting for ${count} changes, told ${changes}`, () => changes.length >= count);
  return { folder, watcher, changes, troubles, told };
}

for (const engine of ["auto", "inotify", "poll"] as const) {
  test(`${engine}: a file that is written, replaced, removed and made again`, async (t) => {
    const { folder, watcher, changes, told } = watched(t, engine);
    const path = join(folder, "a.py");
    const other = join(folder, "b.py");
    for (const each of [path, other]) writeFileSync(each, "1");
    watcher.add([path]);
    watcher.add([path]);

    writeFileSync(path, "22");
    await told(1);
    writeFileSync(join(folder, "new"), "333");
    renameSync(join(folder, "new"), path);
    await told(2);
    rmSync(path);
    writeFileSync(other, "not watched");
    writeFileSync(path, "4444");
    await told(3);
    assert.deepEqual(changes, [path, path, path]);
  });

  test(`${engine}: a folder that goes and comes back with another file`, async (t) => {
    const { folder, watcher, changes, told } = watched(t, engine);
    const inner = join(folder, "package");
    mkdirSync(inner);
    const path = join(inner, "a.py");
    writeFileSync(path, "1");
    watcher.add([path]);
    renameSync(inner, join(folder, "elsewhere"));
    mkdirSync(inner);
    writeFileSync(path, "another");
    await told(1);
    assert.deepEqual(changes, [path]);
  });
}

test("a file that is only read, or whose mode changes, is no change; several at once are one", async (t) => {
  const { folder, watcher, changes, told } = watched(t, "auto");
  const paths = ["a.py", "b.py", "c.py"].map((name) => join(folder, name));
  for (const path of paths) {
    writeFileSync(path, "1");
    utimesSync(path, 1000, 1000);
  }
  watcher.add(paths);
  for (const path of paths) utimesSync(path, 2000, 1000);
  for (const path of paths) writeFileSync(path, "22");
  await told(1);
  // What comes is told in order: whatever else there was would be before this.
  writeFileSync(join(folder, "c.py"), "333");
  await told(2);
  assert.deepEqual(changes, [paths[0], paths[2]]);
});

test("a folder that cannot be watched is polled, and that is said", async (t) => {
  const { folder, watcher, changes, troubles, told } = watched(t, "auto");
  const inner = join(folder, "later");
  const path = join(inner, "a.py");
  watcher.add([path]);
  assert.match(troubles.join("\n"), /^cannot watch \S+\/later, looking at its files once a second instead: ENOENT/);
  mkdirSync(inner);
  writeFileSync(path, "1");
  await told(1);
  assert.deepEqual(changes, [path]);
});
