import assert from "node:assert/strict";
import { test } from "node:test";
import { DYNAMIC_INDEX_START, STATIC_NAME_INDEX, STATIC_TABLE } from "../../../src/protocol/hpack/static-table.ts";

test("the table has its 61 entries, and those at the indexes that RFC 7541 names", () => {
  assert.equal(STATIC_TABLE.length, 61);
  assert.equal(DYNAMIC_INDEX_START, 62);
  assert.deepEqual(STATIC_TABLE[1 - 1], [":authority", ""]);
  assert.deepEqual(STATIC_TABLE[16 - 1], ["accept-encoding", "gzip, deflate"]);
  assert.deepEqual(STATIC_TABLE[32 - 1], ["cookie", ""]);
  assert.deepEqual(STATIC_TABLE[58 - 1], ["user-agent", ""]);
  assert.deepEqual(STATIC_TABLE[61 - 1], ["www-authenticate", ""]);
});

test("a name's index is its first", () => {
  assert.equal(STATIC_NAME_INDEX.get(":status"), 8);
  assert.equal(STATIC_NAME_INDEX.get(":path"), 4);
  assert.equal(STATIC_NAME_INDEX.get("set-cookie"), 55);
  assert.equal(STATIC_NAME_INDEX.get("x-unknown"), undefined);
});
