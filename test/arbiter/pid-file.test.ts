import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PidFile } from "../../src/arbiter/pid-file.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-pid-"));
after(() => rmSync(top, { recursive: true }));

/** No process has it: beyond the kernel's highest pid. */
const DEAD_PID = 2 ** 22 + 7;

test("content, mode, and nothing left beside it", () => {
  const path = join(top, "plain.pid");
  const file = new PidFile(path, 4211);
  assert.equal(readFileSync(path, "utf8"), "4211\n");
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(
    readdirSync(top).filter((name) => name.startsWith("plain")),
    ["plain.pid"],
  );
  file.remove();
  assert.equal(existsSync(path), false);
});

for (const content of [`${DEAD_PID}\n`, "nonsense", "", "0", "-5"]) {
  test(`a file with ${JSON.stringify(content)} is overwritten`, () => {
    const path = join(top, "stale.pid");
    writeFileSync(path, content);
    new PidFile(path, 7);
    assert.equal(readFileSync(path, "utf8"), "7\n");
  });
}

test("a living process keeps its file", () => {
  const path = join(top, "living.pid");
  writeFileSync(path, `${process.ppid}\n`);
  assert.throws(() => new PidFile(path, 7), { message: `Already running on PID ${process.ppid} (or pid file '${path}' is stale)` });
});

test("a directory that is missing", () => {
  const path = join(top, "no", "x.pid");
  assert.throws(() => new PidFile(path, 7), { message: `${join(top, "no")} doesn't exist. Can't create pidfile.` });
});

test("beside another master it has another name, until it is promoted", () => {
  const path = join(top, "two.pid");
  writeFileSync(path, `${process.ppid}\n`);
  const file = new PidFile(path, 7, true);
  assert.equal(readFileSync(`${path}.2`, "utf8"), "7\n");
  assert.throws(() => file.promote(), /Already running on PID/);
  writeFileSync(path, `${DEAD_PID}\n`);
  file.promote();
  assert.deepEqual([readFileSync(path, "utf8"), existsSync(`${path}.2`)], ["7\n", false]);
  file.remove();
  assert.equal(existsSync(path), false);
});

test("somebody else's file is left alone at the end", () => {
  const path = join(top, "taken.pid");
  const file = new PidFile(path, 7);
  writeFileSync(path, "8\n");
  file.remove();
  assert.equal(readFileSync(path, "utf8"), "8\n");
});
