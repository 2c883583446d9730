import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeField, NO_SLOT, pushInteger } from "../../../src/protocol/hpack/encoded-field.ts";

/** RFC 7541, Appendix C.1. */
for (const { value, prefixBits, bytes } of [
  { value: 10, prefixBits: 5, bytes: [10] },
  { value: 1337, prefixBits: 5, bytes: [31, 154, 10] },
  { value: 42, prefixBits: 8, bytes: [42] },
]) {
  test(`${value} in a prefix of ${prefixBits} bits`, () => {
    const into: number[] = [];
    pushInteger(into, value, prefixBits, 0);
    assert.deepEqual(into, bytes);
  });
}

test("a field that would take much of the table is not indexed", () => {
  assert.equal(encodeField("x-long", "v".repeat(600)).slot, NO_SLOT);
  assert.notEqual(encodeField("x-short", "v").slot, NO_SLOT);
});

test("a field counts its 32 bytes of overhead", () => assert.equal(encodeField("ab", "cde").tableBytes, 37));

test("values are bytes", () => assert.equal(Buffer.from(encodeField("via", "\xe9").literal).toString("hex"), "7c01e9"));
