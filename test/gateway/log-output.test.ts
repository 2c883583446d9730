import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LogOutput, PIPE_PIECE_BYTES } from "../../src/gateway/log-output.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

test("lines are appended, and go to the new file after reopen", (t) => {
  const path = join(temporaryDirectory(t), "access.log");
  const output = new LogOutput(path, 1, assert.fail);
  output.write("one\n");
  renameSync(path, `${path}.1`);
  output.write("two\n");
  output.reopen();
  output.write("thr\xe9e\n");
  assert.equal(readFileSync(`${path}.1`, "latin1"), "one\ntwo\n");
  assert.equal(readFileSync(path, "latin1"), "thr\xe9e\n");
});

test("a file that cannot be opened again: the old one goes on, and it is said", (t) => {
  const directory = join(temporaryDirectory(t), "logs");
  mkdirSync(directory);
  const told: string[] = [];
  const output = new LogOutput(join(directory, "access.log"), 1, (text) => told.push(text));
  rmSync(directory, { recursive: true });
  output.reopen();
  output.write("lost with the old file, not thrown\n");
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^cannot reopen the log file .*ENOENT/);
});

test("a disk that is full loses lines, never throws", () => {
  const output = new LogOutput("/dev/full", 1, assert.fail);
  output.write("lost\n");
  output.write("lost too\n");
});

test("a pipe whose reader is slow gets all lines later, without a further one", async (t) => {
  const path = join(temporaryDirectory(t), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const output = new LogOutput("-", writer, assert.fail);
  const LINES = 3000;
  for (let i = 0; i < LINES; i++) output.write(`${String(i).padStart(99, "0")}\n`);
  let text = "";
  const buffer = Buffer.alloc(65536);
  await until(() => {
    try {
      text += buffer.latin1Slice(0, readSync(reader, buffer));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    }
    return text.length >= LINES * 100;
  });
  assert.deepEqual(
    text.split("\n").slice(0, -1).map(Number),
    Array.from({ length: LINES }, (_, i) => i),
  );
  // A reader that never comes back: lines are dropped, whole ones, and memory is bounded.
  for (let i = 0; i < 20; i++) output.write(`${"x".repeat(99_999)}\n`);
  closeSync(reader);
  output.write("nobody reads this\n");
  closeSync(writer);
});

test("lines of two processes on one pipe are never mixed, however slow its reader", async (t) => {
  const path = join(temporaryDirectory(t), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writers = ["a", "b"].map((letter) => {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    return { letter, descriptor, output: new LogOutput("-", descriptor, assert.fail, true) };
  });
  const [TURNS, LINES, LINE_BYTES] = [4, 50, 1000];
  // More than a pipe holds: one of them ends in the middle of what it has to say, and the other goes on.
  for (let turn = 0; turn < TURNS; turn++)
    for (const { letter, output } of writers) output.write(`${letter.repeat(LINE_BYTES - 1)}\n`.repeat(LINES));
  let text = "";
  const buffer = Buffer.alloc(65536);
  await until(() => {
    try {
      text += buffer.latin1Slice(0, readSync(reader, buffer));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    }
    return text.length >= 2 * TURNS * LINES * LINE_BYTES;
  });
  const lines = text.split("\n").slice(0, -1);
  for (const { letter } of writers) assert.equal(lines.filter((line) => line === letter.repeat(LINE_BYTES - 1)).length, TURNS * LINES);
  // One alone that is too long is passed on all the same.
  const long = `${"x".repeat(PIPE_PIECE_BYTES + 100)}\n`;
  writers[0]!.output.write(`short\n${long}`);
  await until(() => {
    text += buffer.latin1Slice(0, readSync(reader, buffer));
    return text.endsWith(`short\n${long}`);
  });
  for (const { descriptor } of writers) closeSync(descriptor);
  closeSync(reader);
});
