import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackField } from "../../../src/protocol/hpack/field.ts";
import { fieldName } from "../../../src/protocol/hpack/field-name.ts";

test("a field counts name, value and 32 bytes", () => assert.equal(new HpackField(fieldName("ab"), "cde").tableBytes, 37));

for (const value of ["", "x", "a b", "\xe9", "a\tb"]) {
  test(`${JSON.stringify(value)} is a value`, () => assert.ok(new HpackField(fieldName("a"), value).sound));
}
for (const value of [" a", "a\t", "a\rb", "a\nb", "a\0b", "\x1f"]) {
  test(`${JSON.stringify(value)} is none`, () => assert.ok(!new HpackField(fieldName("a"), value).sound));
}
