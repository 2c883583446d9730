import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseProcessStat, parsePssBytes, selectTree } from "../../bench/process-tree.ts";

describe("parseProcessStat", () => {
  const rest = "S 4200 4211 4211 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 987654 1000 200 18446744073709551615";
  for (const name of ["python3", "tmux: server", "a) S 1 (b", ")", "("]) {
    test(`reads the status of a process called ${name}`, () => {
      assert.deepEqual(parseProcessStat(`4211 (${name}) ${rest}\n`), {
        pid: 4211,
        parent: 4200,
        startTicks: 987_654,
        state: "S",
        session: 4211,
        program: name,
      });
    });
  }
  test("refuses anything else", () => assert.throws(() => parseProcessStat("4211 (python3) S"), /cannot understand/));
});

describe("selectTree", () => {
  const parents: Readonly<Record<number, number>> = { 10: 1, 11: 10, 12: 10, 13: 12, 20: 1, 21: 20 };
  const processes = Object.entries(parents).map(([pid, parent]) => ({ pid: Number(pid), parent, startTicks: 0 }));
  const TABLE = [
    { root: 10, tree: [10, 11, 12, 13] },
    { root: 12, tree: [12, 13] },
    { root: 21, tree: [21] },
    { root: 99, tree: [] },
  ];
  for (const { root, tree } of TABLE) {
    test(`below ${root} finds ${tree.join(", ") || "nothing"}, whatever the order`, () => {
      fc.assert(
        fc.property(fc.shuffledSubarray(processes, { minLength: processes.length }), (shuffled) => {
          assert.deepEqual(
            selectTree(shuffled, root)
              .map(({ pid }) => pid)
              .sort(),
            tree,
          );
        }),
      );
    });
  }
});

describe("parsePssBytes", () => {
  test("reads the Pss line, not those of its parts", () => {
    const rollup =
      "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:   9000 kB\nPss:                4211 kB\nPss_Anon:    3000 kB\nSwapPss:   7 kB\n";
    assert.equal(parsePssBytes(rollup), 4211 * 1024);
  });
  test("refuses a file without one", () => assert.throws(() => parsePssBytes("Rss: 1 kB\n"), /no Pss line/));
});
