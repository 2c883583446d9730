import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackField } from "../../../src/protocol/hpack/field.ts";
import { fieldName } from "../../../src/protocol/hpack/field-name.ts";
import { readPseudoHeaders } from "../../../src/protocol/http2/pseudo-headers.ts";
import { type Fields, GET } from "./frames.ts";

function read(fields: Fields, extendedConnect = false): ReturnType<typeof readPseudoHeaders> {
  return readPseudoHeaders(
    fields.map(([name, value]) => new HpackField(fieldName(name), value)),
    extendedConnect,
  );
}

test("pseudo-headers in any order, and where the others begin", () => {
  const expected = { method: "GET", scheme: "http", authority: "h", path: "/", protocol: undefined, count: 4 };
  assert.deepEqual(read([...GET, ["a", "b"]]), expected);
  assert.deepEqual(read([...GET].reverse()), expected);
});

for (const authority of ["h", "h:80", "[::1]:80", "xn--bcher-kva.example", "a_b"]) {
  test(`${authority} is an authority`, () => assert.equal(typeof read([...GET.slice(0, 3), [":authority", authority]]), "object"));
}
for (const authority of ["", "u@h", "h/", "h?", "h#", "h\\x", "h h", "h\t", "\x7f", "\xe9"]) {
  test(`${JSON.stringify(authority)} is none`, () => assert.equal(typeof read([...GET.slice(0, 3), [":authority", authority]]), "string"));
}

test("what is wrong is said for the log", () => {
  assert.equal(read([...GET, [":path", "/"]]), ":path sent twice");
  assert.equal(read(GET.slice(1)), "no :method");
});
