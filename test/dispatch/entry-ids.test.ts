import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryIds } from "../../src/dispatch/entry-ids.ts";

test("EntryIds gives each entry once, and none when all are in use", () => {
  const ids = new EntryIds(3);
  const taken = [ids.take(), ids.take(), ids.take()];
  assert.deepEqual(
    taken.map((id) => ids.entryOf(id!)),
    [0, 1, 2],
  );
  assert.equal(ids.take(), undefined);
});

test("EntryIds uses the entry that came back last again, under another id", () => {
  const ids = new EntryIds(3);
  const [first, second] = [ids.take()!, ids.take()!];
  ids.giveBack(second);
  ids.giveBack(first);
  const next = ids.take()!;
  assert.equal(ids.entryOf(next), ids.entryOf(first));
  assert.notEqual(next, first);
});

test("ids stay below 2^31 with as many entries as there are", () => {
  const ids = new EntryIds(65536);
  let most = 0;
  for (let round = 0; round < 70_000; round++) {
    const id = ids.take()!;
    assert.ok(id > 0);
    most = Math.max(most, id);
    ids.giveBack(id);
  }
  assert.ok(most < 2 ** 31);
});
