import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readSurroundings } from "../../src/arbiter/surroundings.ts";

const top = mkdtempSync(join(tmpdir(), "tunicorn-surroundings-"));
after(() => rmSync(top, { recursive: true }));
const surroundings = readSurroundings();

test("who and where this process is", () => {
  assert.deepEqual([surroundings.uid, surroundings.gid, surroundings.cwd], [process.geteuid?.(), process.getegid?.(), process.cwd()]);
  assert.notEqual(surroundings.home, "");
});

test("files", () => {
  const [file, link] = [join(top, "file"), join(top, "link")];
  writeFileSync(file, "text");
  symlinkSync(file, link);
  assert.deepEqual([file, top, join(top, "no")].map(surroundings.exists), [true, true, false]);
  assert.deepEqual([file, top, join(top, "no")].map(surroundings.isDirectory), [false, true, false]);
  assert.equal(surroundings.isSameFile(file, link), true);
  assert.equal(surroundings.isSameFile(file, top), false);
  assert.equal(surroundings.isSameFile(file, join(top, "no")), false);
  assert.equal(surroundings.readText(link), "text");
});

test("names of users and groups", () => {
  assert.equal(surroundings.findUser("root"), 0);
  assert.equal(surroundings.findUser("nosuchuser"), undefined);
  assert.equal(surroundings.findUser("-n"), undefined);
  assert.equal(surroundings.findGroup("nosuchgroup"), undefined);
  const groupOfZero = process.platform === "darwin" ? "wheel" : "root";
  assert.equal(surroundings.findGroup(groupOfZero), 0);
});
