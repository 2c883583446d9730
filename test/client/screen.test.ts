/** With streams that only look like a terminal; test/server/top.test.ts has a real one. */

import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import type { ReadStream } from "node:tty";
import { Screen, type TerminalOutput } from "../../src/client/screen.ts";
import { ENTER_SCREEN, LEAVE_SCREEN } from "../../src/control/top-paint.ts";
import { temporaryDirectory, until } from "../gateway/spool-directory.ts";

class Input extends PassThrough {
  raw: boolean[] = [];
  setRawMode(raw: boolean): this {
    this.raw.push(raw);
    return this;
  }
}

function stage(t: TestContext) {
  const input = new Input();
  const path = join(temporaryDirectory(t), "terminal");
  const output = Object.assign(new PassThrough(), { fd: openSync(path, "w"), columns: 80, rows: 24 });
  output.setEncoding("latin1");
  const happened: string[] = [];
  const screen = new Screen(input as unknown as ReadStream, output as unknown as TerminalOutput, {
    key: (key) => happened.push(`key ${key}`),
    resized: ({ columns, rows }) => happened.push(`resized ${columns} ${rows}`),
    resumed: () => happened.push("resumed"),
    ended: (code) => happened.push(`ended ${code}`),
  });
  return { input, output, screen, happened, written: () => String(output.read() ?? ""), left: () => readFileSync(path, "latin1") };
}

test("what is shown twice is written once, until it is forgotten", (t) => {
  const { screen, written } = stage(t);
  screen.show("too early");
  screen.enter();
  screen.enter();
  for (const picture of ["a", "a", "b", "b"]) screen.show(picture);
  assert.equal(written(), `${ENTER_SCREEN}ab`);
  screen.forget();
  screen.show("b");
  assert.equal(written(), "b");
});

test("the terminal is left once, and entered again", (t) => {
  const { input, screen, left, written } = stage(t);
  screen.leave();
  screen.enter();
  screen.leave();
  screen.leave();
  screen.show("too late");
  assert.deepEqual([left(), input.raw], [LEAVE_SCREEN, [true, false]]);
  screen.enter();
  screen.show("a");
  assert.equal(written(), `${ENTER_SCREEN}${ENTER_SCREEN}a`);
  screen.leave();
  assert.deepEqual([left(), input.raw], [LEAVE_SCREEN + LEAVE_SCREEN, [true, false, true, false]]);
});

test("keys, another size, and a terminal that says none", async (t) => {
  const { input, output, screen, happened } = stage(t);
  input.write("q\x1b[A\x03");
  await until(() => happened.length === 3);
  Object.assign(output, { columns: 60, rows: 12 });
  output.emit("resize");
  assert.deepEqual(happened, ["key q", "key up", "key ctrl-c", "resized 60 12"]);
  Object.assign(output, { columns: 0, rows: 0 });
  assert.deepEqual(screen.size, { columns: 80, rows: 24 });
});

for (const { name, code, end } of [
  { name: "its input ends", code: 0, end: ({ input }: ReturnType<typeof stage>) => input.end() },
  { name: "its output fails", code: 0, end: ({ output }: ReturnType<typeof stage>) => output.emit("error", new Error("EIO")) },
  { name: "the line is hung up", code: 129, end: () => process.emit("SIGHUP") },
  { name: "it is told to", code: 143, end: () => process.emit("SIGTERM") },
]) {
  test(`the end when ${name}`, async (t) => {
    const staged = stage(t);
    staged.input.resume();
    end(staged);
    await until(() => staged.happened.includes(`ended ${code}`));
  });
}
