import assert from "node:assert/strict";
import { test } from "node:test";
import { everyTurnAfter, monotonicMs } from "../../src/gateway/clock.ts";

/** The clocks that it might be by mistake count from this process's start, or from 1970. */
const SLACK_MS = 1000;

test("monotonicMs is CLOCK_MONOTONIC, as Python has it", () => {
  const before = Number(process.hrtime.bigint()) / 1e6;
  const now = monotonicMs();
  const after = Number(process.hrtime.bigint()) / 1e6;
  // The two clocks of Node's were read a moment apart, on a machine that may be busy.
  assert.ok(before - SLACK_MS <= now && now <= after + SLACK_MS, `${before} ${now} ${after}`);
});

test("everyTurnAfter: each time, and behind what is ready in that turn", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const done: string[] = [];
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  everyTurnAfter(250, () => done.push("work"));
  for (let round = 0; round < 2; round++) {
    t.mock.timers.tick(249);
    await turn();
    t.mock.timers.tick(1);
    done.push("timer");
    await turn();
  }
  assert.deepEqual(done, ["timer", "work", "timer", "work"]);
});
