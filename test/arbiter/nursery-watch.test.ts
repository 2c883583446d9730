import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { NurseryWatch } from "../../src/arbiter/nursery-watch.ts";

const PERIOD_MS = 10;
const LOOKS_MAX = 12;

/** A watch on a clock that the test moves, and what it did. */
function watched(t: { after(clean: () => void): void }): {
  watch: NurseryWatch;
  asked: () => number;
  silent: number[];
  pass(looks: number): Promise<void>;
} {
  mock.timers.enable({ apis: ["setInterval"] });
  let asked = 0;
  const silent: number[] = [];
  const watch = new NurseryWatch(
    () => {
      asked += 1;
    },
    (silentMs) => silent.push(silentMs),
    PERIOD_MS,
  );
  t.after(() => {
    watch.end();
    mock.timers.reset();
  });
  const pass = async (looks: number): Promise<void> => {
    for (let look = 0; look < looks; look += 1) {
      mock.timers.tick(PERIOD_MS);
      await new Promise(setImmediate);
    }
  };
  return { watch, asked: () => asked, silent, pass };
}

test("a nursery that answers is asked again and again", async (t) => {
  const { watch, asked, silent, pass } = watched(t);
  watch.begin();
  for (let count = 1; count <= 30; count += 1) {
    await pass(1);
    assert.equal(asked(), count);
    watch.answered();
  }
  assert.deepEqual(silent, []);
});

test("silence is told after twelve looks, once, and again after as long", async (t) => {
  const { watch, asked, silent, pass } = watched(t);
  watch.begin();
  await pass(LOOKS_MAX);
  assert.deepEqual([asked(), silent], [1, []]);
  await pass(1);
  assert.deepEqual(silent, [LOOKS_MAX * PERIOD_MS]);
  await pass(LOOKS_MAX + 1);
  assert.equal(silent.length, 2);
});

test("the next nursery owes nothing of what the last one owed", async (t) => {
  const { watch, silent, pass } = watched(t);
  watch.begin();
  await pass(LOOKS_MAX);
  watch.begin();
  await pass(LOOKS_MAX);
  assert.deepEqual(silent, []);
  watch.end();
  await pass(LOOKS_MAX);
  assert.deepEqual(silent, []);
});
