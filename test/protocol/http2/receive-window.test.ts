import assert from "node:assert/strict";
import { test } from "node:test";
import { ReceiveWindow } from "../../../src/protocol/http2/receive-window.ts";

test("bytes up to the window, and not one more", () => {
  const window = new ReceiveWindow(10);
  assert.equal(window.take(10), true);
  assert.equal(window.take(0), true);
  assert.equal(window.take(1), false);
});

test("what is given back is said at half a window", () => {
  const window = new ReceiveWindow(10);
  window.take(10);
  assert.equal(window.giveBack(4), 0);
  assert.equal(window.giveBack(1), 5);
  assert.equal(window.take(5), true);
  assert.equal(window.take(1), false);
});

test("a window of one byte works, and one of none stays shut", () => {
  const window = new ReceiveWindow(1);
  window.take(1);
  assert.equal(window.giveBack(1), 1);
  assert.equal(new ReceiveWindow(0).take(1), false);
});

test("a smaller window counts from what has come", () => {
  const window = new ReceiveWindow(10);
  window.take(4);
  window.shrink(5);
  assert.equal(window.take(1), true);
  assert.equal(window.take(1), false);
});
