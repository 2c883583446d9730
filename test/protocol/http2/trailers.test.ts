import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackField } from "../../../src/protocol/hpack/field.ts";
import { fieldName } from "../../../src/protocol/hpack/field-name.ts";
import { readTrailers } from "../../../src/protocol/http2/trailers.ts";
import { policyOf } from "../http1/outcome.ts";
import type { Fields } from "./frames.ts";

function read(fields: Fields): ReturnType<typeof readTrailers> {
  return readTrailers(
    fields.map(([name, value]) => new HpackField(fieldName(name), value)),
    policyOf({}),
  );
}

test("trailers under HTTP/1's policy: a name with an underscore is dropped", () => {
  const trailers = read([
    ["digest", "x"],
    ["a_b", "y"],
  ]);
  assert.deepEqual(
    trailers?.names.map(({ lower }) => lower),
    ["digest"],
  );
  assert.deepEqual(trailers?.values, ["x"]);
});

for (const [name, value] of [
  [":path", "/"],
  ["connection", "x"],
  ["Digest", "x"],
  ["digest", "x\0"],
  ["digest", " x"],
] as Fields) {
  test(`${name} with ${JSON.stringify(value)} makes trailers malformed`, () => assert.equal(read([[name, value]]), undefined));
}

for (const name of ["host", "content-length", "trailer", "authorization", "te"]) {
  test(`${name} has no place in trailers`, () => assert.throws(() => read([[name, "x"]]), { code: "bad-header-name" }));
}

test("two Content-Type are refused", () => {
  assert.throws(
    () =>
      read([
        ["content-type", "a"],
        ["content-type", "a"],
      ]),
    { code: "repeated-header" },
  );
});
