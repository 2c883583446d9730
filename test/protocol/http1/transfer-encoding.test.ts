import assert from "node:assert/strict";
import { test } from "node:test";
import { addTransferCodings, NO_CODINGS } from "../../../src/protocol/http1/transfer-encoding.ts";

const READ = [
  { value: "chunked", chunked: true, compressed: false },
  { value: "ChunKed", chunked: true, compressed: false },
  { value: "identity, chunked", chunked: true, compressed: false },
  { value: "gzip\t,  chunked", chunked: true, compressed: true },
  { value: "deflate", chunked: false, compressed: true },
  { value: "compress,identity", chunked: false, compressed: true },
];

for (const { value, chunked, compressed } of READ) {
  test(`addTransferCodings reads "${value}"`, () => assert.deepEqual(addTransferCodings(NO_CODINGS, value), { chunked, compressed }));
}

test("addTransferCodings goes on from the fields before", () => {
  assert.deepEqual(addTransferCodings({ chunked: false, compressed: true }, "chunked"), { chunked: true, compressed: true });
});

/** protocols §1.7: exact items, so that no two readers disagree about what is chunked. */
for (const value of [
  "",
  "x-gzip",
  '"chunked"',
  "chunked;a=b",
  "xchunked",
  "chunked,",
  ",chunked",
  "\x0bchunked",
  "chunked\xa0",
  "chunke\xe4",
]) {
  test(`addTransferCodings does not know ${JSON.stringify(value)} (RFC 9112 §6.1)`, () =>
    assert.throws(() => addTransferCodings(NO_CODINGS, value), { code: "unsupported-transfer-coding" }));
}

test("an unknown coding is named with its whole field", () =>
  assert.throws(() => addTransferCodings(NO_CODINGS, "chunked, br"), { message: "Unsupported transfer coding: 'chunked, br'" }));

for (const value of ["chunked, chunked", "chunked, identity", "chunked, gzip"]) {
  test(`addTransferCodings refuses "${value}": chunked comes last and once (RFC 9112 §7.1)`, () =>
    assert.throws(() => addTransferCodings(NO_CODINGS, value), { code: "bad-transfer-encoding" }));
}
