import assert from "node:assert/strict";
import { test } from "node:test";
import { paint } from "../../src/control/top-paint.ts";
import type { LineStyle, ScreenLine } from "../../src/control/top-screen.ts";

const SIZE = { columns: 10, rows: 3 };
const STYLES: readonly LineStyle[] = ["plain", "title", "head", "selected", "notice", "alarm", "faint"];

function lineOf(style: LineStyle): ScreenLine {
  return { text: "text", style };
}

test("each line is put in its place, and what stood there is erased", () => {
  const painted = paint([lineOf("plain"), lineOf("title")], SIZE, true);
  assert.equal(painted, "\x1b[0m\x1b[1;1H\x1b[2Ktext\x1b[2;1H\x1b[2K\x1b[1mtext\x1b[0m\x1b[J");
});

for (const style of STYLES) {
  test(`${style} has no colour where none is wanted`, () => {
    const codes = paint([lineOf(style)], SIZE, false)
      .split("\x1b[")
      .flatMap((part) => /^([\d;]+)m/.exec(part)?.[1]?.split(";") ?? []);
    // 30 and above are colours.
    assert.ok(
      codes.every((code) => Number(code) < 30),
      codes.join(),
    );
  });
}

test("with colours an alarm and a notice have one", () => {
  assert.ok(paint([lineOf("alarm")], SIZE, true).includes("\x1b[1;31mtext\x1b[0m"));
  assert.ok(paint([lineOf("notice")], SIZE, true).includes("\x1b[33mtext\x1b[0m"));
});

test("bars go from edge to edge, and no more lines than there are rows", () => {
  const painted = paint(
    Array.from({ length: 9 }, () => lineOf("head")),
    SIZE,
    false,
  );
  assert.equal(painted.split("\x1b[7mtext      \x1b[0m").length - 1, 3);
});
