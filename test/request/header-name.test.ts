import assert from "node:assert/strict";
import { test } from "node:test";
import { headerName } from "../../src/request/header-name.ts";

const SPELLINGS = [
  { spelling: "Content-Type", lower: "content-type", environKey: "CONTENT_TYPE" },
  { spelling: "content-length", lower: "content-length", environKey: "CONTENT_LENGTH" },
  { spelling: "X-Forwarded-For", lower: "x-forwarded-for", environKey: "HTTP_X_FORWARDED_FOR" },
  { spelling: "SCRIPT_NAME", lower: "script_name", environKey: "HTTP_SCRIPT_NAME" },
];

for (const { spelling, lower, environKey } of SPELLINGS) {
  test(`headerName gives ${spelling} its environ key ${environKey}`, () => {
    const name = headerName(spelling);
    assert.equal(name?.lower, lower);
    assert.equal(name?.environKey, environKey);
    assert.equal(headerName(spelling), name, "the second look-up finds the same object");
  });
}

for (const spelling of ["", "a b", "a:", "a\u00e9", "a\0", "(x)"]) {
  test(`headerName refuses ${JSON.stringify(spelling)}`, () => assert.equal(headerName(spelling), undefined));
}

test("headerName keeps long names out of its table, and still answers", () => {
  const long = "x".repeat(65);
  assert.notEqual(headerName(long), headerName(long));
  assert.equal(headerName(long)?.lower, long);
});
