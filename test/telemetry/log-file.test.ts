import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LogFile } from "../../src/telemetry/log-file.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "tunicorn-log-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a file is appended to, and left for the new one after reopen", (t) => {
  const path = join(folder(t), "log");
  for (const text of ["one\n", "two\n"]) writeSync(new LogFile(path, 2).fd, text);
  const file = new LogFile(path, 2);
  renameSync(path, `${path}.1`);
  writeSync(file.fd, "three\n");
  assert.equal(file.reopen(), undefined);
  writeSync(file.fd, "four\n");
  assert.equal(readFileSync(`${path}.1`, "utf8"), "one\ntwo\nthree\n");
  assert.equal(readFileSync(path, "utf8"), "four\n");
});

test("a file that cannot be opened again: the old one goes on", (t) => {
  const directory = join(folder(t), "logs");
  mkdirSync(directory);
  const file = new LogFile(join(directory, "log"), 2);
  const { fd } = file;
  rmSync(directory, { recursive: true });
  assert.match(file.reopen() ?? "", /^cannot reopen the log file .*log: ENOENT/);
  assert.equal(file.fd, fd);
});

test("a standard stream is what it is", () => {
  const stream = new LogFile("-", 1);
  assert.equal(stream.reopen(), undefined);
  assert.equal(stream.fd, 1);
});

test("a file that cannot be opened", () => {
  assert.throws(() => new LogFile("/no/such/log", 2), { code: "ENOENT" });
});
