import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeldBytes } from "../../src/protocol/held-bytes.ts";

test("HeldBytes hands on a whole chunk without copying it", () => {
  const held = new HeldBytes();
  const chunk = Buffer.from("abc");
  held.append(chunk);
  assert.equal(held.bytes, chunk);
});

test("HeldBytes copies what is left of a chunk that it only borrowed", () => {
  const held = new HeldBytes();
  const chunk = Buffer.from("abcdef");
  held.append(chunk);
  held.consume(2);
  assert.equal(held.borrowed, true);
  held.keep();
  chunk.fill("?");
  assert.equal(held.borrowed, false);
  assert.equal(held.bytes.latin1Slice(held.start, held.end), "cdef");
});

test("HeldBytes lets go of its buffer with the last byte", () => {
  const held = new HeldBytes();
  held.append(Buffer.from("abc"));
  held.consume(3);
  assert.equal(held.length, 0);
  assert.equal(held.bytes.length, 0);
});

test("HeldBytes grows by copying each byte a bounded number of times", () => {
  const held = new HeldBytes();
  const buffers = new Set<Buffer>();
  for (let count = 0; count < 100_000; count += 1) {
    held.append(Buffer.from("x"));
    buffers.add(held.bytes);
  }
  assert.ok(buffers.size < 15, `${buffers.size} buffers were made for 100,000 single bytes`);
});

test("HeldBytes keeps what was appended and not consumed, and never writes over views it gave", () => {
  const step = fc.record({ appended: fc.uint8Array({ maxLength: 700 }), consumed: fc.nat(700) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const held = new HeldBytes();
      let expected = Buffer.alloc(0);
      const views: { view: Buffer; copy: Buffer }[] = [];
      for (const { appended, consumed } of steps) {
        held.append(Buffer.from(appended));
        expected = Buffer.concat([expected, appended]);
        const taken = Math.min(consumed, held.length);
        const view = held.bytes.subarray(held.start, held.start + taken);
        views.push({ view, copy: Buffer.from(view) });
        held.consume(held.start + taken);
        expected = expected.subarray(taken);
        assert.deepEqual(Buffer.from(held.bytes.subarray(held.start, held.end)), Buffer.from(expected));
      }
      for (const { view, copy } of views) assert.deepEqual(view, copy);
    }),
  );
});
