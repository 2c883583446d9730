import assert from "node:assert/strict";
import { test } from "node:test";
import { DynamicTable } from "../../../src/protocol/hpack/dynamic-table.ts";

test("the newest entry comes first, and the oldest goes when there is no room", () => {
  const table = new DynamicTable<{ name: string; tableBytes: number }>();
  for (let i = 0; i < 200; i += 1) assert.equal(table.add({ name: `entry ${i}`, tableBytes: 32 }), true);
  assert.equal(table.count, 128);
  assert.equal(table.newest(0)?.name, "entry 199");
  assert.equal(table.newest(127)?.name, "entry 72");
  assert.equal(table.newest(128), undefined);
  assert.equal(table.numbered(72)?.name, "entry 72");
  assert.equal(table.numbered(71), undefined);
});

test("an entry larger than the table leaves it empty", () => {
  const table = new DynamicTable<{ tableBytes: number }>();
  table.add({ tableBytes: 40 });
  assert.equal(table.add({ tableBytes: 4097 }), false);
  assert.equal(table.count, 0);
});

test("a table of no bytes takes nothing, and one that grows again is empty", () => {
  const table = new DynamicTable<{ tableBytes: number }>();
  table.add({ tableBytes: 40 });
  table.resize(0);
  assert.equal(table.add({ tableBytes: 32 }), false);
  table.resize(4096);
  assert.equal(table.newest(0), undefined);
  assert.equal(table.add({ tableBytes: 4096 }), true);
});
