import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamTable } from "../../../src/protocol/http2/stream-table.ts";

test("streams are idle above the last one, and where only a server may open them", () => {
  const table = new StreamTable();
  table.lastId = 5;
  assert.deepEqual(
    [1, 3, 5, 7].map((id) => table.isIdle(id)),
    [false, false, false, true],
  );
  assert.deepEqual(
    [0, 2, 4].map((id) => table.isIdle(id)),
    [true, true, true],
  );
});

test("of streams that were reset the last ones are remembered", () => {
  const table = new StreamTable();
  for (let id = 1; id <= 1001; id += 2) table.noteReset(id);
  assert.equal(table.wasReset(1), false);
  assert.equal(table.wasReset(1001), true);
  assert.equal(table.wasReset(1001 - 2 * 255), true);
  assert.equal(table.wasReset(1001 - 2 * 256), false);
});
