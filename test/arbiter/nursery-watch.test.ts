import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NurseryWatch } from "../../src/arbiter/nursery-watch.ts";

const PERIOD_MS = 2;
const LOOKS_MAX = 12;

/** Watches a nursery that does `onAsked` when it is asked, until it has been asked, or found silent, so often. */
async function watched(
  t: TestContext,
  until: { asked: number; silent: number },
  onAsked: (watch: NurseryWatch) => void,
): Promise<{ asked: number; silent: number[] }> {
  let asked = 0;
  const silent: number[] = [];
  await new Promise<void>((resolve) => {
    const note = (): void => {
      if (asked >= until.asked || silent.length >= until.silent) resolve();
    };
    const watch: NurseryWatch = new NurseryWatch(
      () => {
        asked += 1;
        onAsked(watch);
        note();
      },
      (silentMs) => {
        silent.push(silentMs);
        note();
      },
      PERIOD_MS,
    );
    t.after(() => watch.end());
    watch.begin();
  });
  return { asked, silent };
}

test("a nursery that answers is asked again and again", async (t) => {
  const { silent } = await watched(t, { asked: 3 * LOOKS_MAX, silent: 1 }, (watch) => watch.answered());
  assert.deepEqual(silent, []);
});

test("silence is told after twelve looks, and again after as many", async (t) => {
  const { asked, silent } = await watched(t, { asked: 100, silent: 2 }, () => {});
  assert.deepEqual([asked, silent], [2, [LOOKS_MAX * PERIOD_MS, LOOKS_MAX * PERIOD_MS]]);
});

test("the next nursery owes nothing of what the last one owed", async (t) => {
  const { silent } = await watched(t, { asked: 3 * LOOKS_MAX, silent: 1 }, (watch) => watch.begin());
  assert.deepEqual(silent, []);
});
