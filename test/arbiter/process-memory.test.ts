import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryOf } from "../../src/arbiter/process-memory.ts";

test("the memory of a process: all of it, and its share", async () => {
  const memory = (await memoryOf([process.pid])).get(process.pid);
  assert.ok(memory !== undefined && memory.rssBytes !== null && memory.pssBytes !== null);
  assert.ok(memory.pssBytes > 1e6 && memory.pssBytes <= memory.rssBytes);
});

test("one that is gone has none", async () => {
  const GONE = 2 ** 22 + 1; // beyond pid_max
  assert.deepEqual([...(await memoryOf([GONE]))], [[GONE, { rssBytes: null, pssBytes: null }]]);
  assert.equal((await memoryOf([])).size, 0);
});
