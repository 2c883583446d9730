import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG } from "../../../src/protocol/http2/frame-types.ts";
import { headersFragment, OpenBlock, refuseSelfDependency } from "../../../src/protocol/http2/header-block.ts";

const bytes = Buffer.from([2, 0, 0, 0, 9, 16, 0xaa, 0xbb, 0, 0]);

test("padding and priority are cut off", () => {
  assert.deepEqual(headersFragment(bytes, 0, 10, 0, 1), { at: 0, end: 10 });
  assert.deepEqual(headersFragment(bytes, 0, 10, FLAG.padded, 1), { at: 1, end: 8 });
  assert.deepEqual(headersFragment(bytes, 1, 10, FLAG.priority, 1), { at: 6, end: 10 });
  assert.deepEqual(headersFragment(bytes, 0, 10, FLAG.padded | FLAG.priority, 1), { at: 6, end: 8 });
});

for (const { name, start, end, flags, code } of [
  { name: "no room for the pad length", start: 0, end: 0, flags: FLAG.padded, code: "FRAME_SIZE_ERROR" },
  { name: "more padding than frame", start: 0, end: 2, flags: FLAG.padded, code: "PROTOCOL_ERROR" },
  { name: "no room for the priority", start: 1, end: 5, flags: FLAG.priority, code: "FRAME_SIZE_ERROR" },
  { name: "padding into the priority", start: 0, end: 7, flags: FLAG.padded | FLAG.priority, code: "PROTOCOL_ERROR" },
]) {
  test(`${name} is refused`, () => assert.throws(() => headersFragment(bytes, start, end, flags, 1), { code }));
}

test("a stream must not depend on itself, whatever the exclusive bit says", () => {
  assert.throws(() => refuseSelfDependency(Buffer.from([0x80, 0, 0, 9]), 0, 9), { code: "PROTOCOL_ERROR" });
  refuseSelfDependency(Buffer.from([0x80, 0, 0, 9]), 0, 11);
});

test("a block's pieces are joined, and copied", () => {
  const block = new OpenBlock(1, true, 100);
  const lent = Buffer.from("abc");
  block.add(lent, 0, 2);
  block.add(lent, 2, 3);
  lent.fill("x");
  assert.equal(block.join().latin1Slice(), "abc");
});

test("a block has an end in bytes and in frames", () => {
  const large = new OpenBlock(1, true, 100);
  large.add(Buffer.alloc(60), 0, 60);
  large.expect(40);
  assert.throws(() => large.expect(41), { code: "ENHANCE_YOUR_CALM" });
  const many = new OpenBlock(1, true, 100);
  for (let i = 0; i <= 64; i += 1) {
    many.expect(0);
    many.add(Buffer.alloc(0), 0, 0);
  }
  assert.throws(() => many.expect(0), { code: "ENHANCE_YOUR_CALM" });
});
