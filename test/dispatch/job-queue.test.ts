import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JobQueue } from "../../src/dispatch/job-queue.ts";

interface Item {
  readonly serial: number;
}

type Step = { readonly does: "push" | "unshift" | "shift" | "peek" } | { readonly does: "remove"; readonly at: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>({ does: "push" }, { does: "shift" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ does: "unshift" }, { does: "peek" }) },
  { weight: 2, arbitrary: fc.nat(5000).map((at): Step => ({ does: "remove", at })) },
);

/** Carries a step out on the queue and on a plain array, and compares what they say. */
function compare(queue: JobQueue<Item>, model: Item[], does: Step, serial: number): void {
  switch (does.does) {
    case "push":
      queue.push({ serial });
      model.push({ serial });
      break;
    case "unshift":
      queue.unshift({ serial });
      model.unshift({ serial });
      break;
    case "shift":
      assert.deepEqual(queue.shift(), model.shift());
      break;
    case "peek":
      assert.deepEqual(queue.peek(), model[0]);
      break;
    case "remove":
      break;
  }
  assert.equal(queue.length, model.length);
}

for (const initial of [0, 3000]) {
  test(`JobQueue does what an array does, beginning with ${initial} items`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(initial), (steps, shifted) => {
        const queue = new JobQueue<Item>();
        const items: Item[] = [];
        for (let serial = 0; serial < initial; serial++) {
          const item = { serial };
          queue.push(item);
          items.push(item);
        }
        for (let i = 0; i < shifted; i++) assert.equal(queue.shift(), items.shift());
        for (const [i, does] of steps.entries()) {
          if (does.does !== "remove") compare(queue, items, does, initial + i);
          // By identity: only items that the model still holds, or one that is in neither.
          else if (items.length === 0) assert.equal(queue.remove({ serial: -1 }), false);
          else {
            // Items pushed by `compare` are equal, not the same: only those of the beginning can be removed.
            const item = items[does.at % items.length]!;
            if (item.serial < initial) {
              assert.equal(queue.remove(item), true);
              items.splice(items.indexOf(item), 1);
              assert.equal(queue.remove(item), false);
            }
          }
        }
        while (items.length > 0) assert.deepEqual(queue.shift(), items.shift());
        assert.equal(queue.shift(), undefined);
      }),
      { numRuns: initial === 0 ? 200 : 60 },
    );
  });
}

test("requests that come and leave while nobody takes any cost nothing: a million of them, behind one that stays", () => {
  const queue = new JobQueue<Item>();
  const first = { serial: 0 };
  queue.push(first);
  // Without giving back the holes each removal would search all earlier ones, and this would take hours.
  for (let serial = 1; serial <= 1_000_000; serial++) {
    const item = { serial };
    queue.push(item);
    assert.equal(queue.remove(item), true);
  }
  assert.equal(queue.length, 1);
  assert.equal(queue.shift(), first);
});

test("the first items are shown in their order, around the ring's end too", () => {
  const queue = new JobQueue<Item>();
  for (let serial = 0; serial < 250; serial += 1) queue.push({ serial });
  for (let count = 0; count < 245; count += 1) queue.shift();
  for (let serial = 250; serial < 260; serial += 1) queue.push({ serial });
  const serials = (count: number) => queue.first(count).map(({ serial }) => serial);
  assert.deepEqual(serials(8), [245, 246, 247, 248, 249, 250, 251, 252]);
  assert.deepEqual([serials(100).length, serials(0), queue.length], [15, [], 15]);
});
