import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeats } from "../../src/gateway/heartbeats.ts";
import type { WorkerLink } from "../../src/gateway/worker-link.ts";

function stage(timeoutMs: number) {
  let pings = 0;
  const link = { worker: 1, number: 1, ping: () => pings++ } as unknown as WorkerLink;
  const hearts = new Heartbeats(timeoutMs);
  const overdue: number[] = [];
  const sweep = (nowMs: number): { pings: number; overdue: number[] } => {
    hearts.sweep(nowMs, (_, silentMs) => overdue.push(silentMs));
    return { pings, overdue };
  };
  return { link, hearts, sweep };
}

test("a worker that answers is asked once a second", () => {
  const { link, hearts, sweep } = stage(3000);
  hearts.watch(link, 0);
  for (let now = 0; now <= 5000; now += 250) {
    sweep(now);
    hearts.answered(link, now);
  }
  assert.deepEqual(sweep(5100), { pings: 6, overdue: [] });
});

test("one that does not answer is overdue, once", () => {
  const { link, hearts, sweep } = stage(3000);
  hearts.watch(link, 0);
  sweep(0);
  assert.deepEqual(sweep(3000), { pings: 1, overdue: [] });
  sweep(3250);
  assert.deepEqual(sweep(9000), { pings: 1, overdue: [3250] });
});

test("one that is gone is not asked, and with timeout 0 nobody is overdue", () => {
  const { link, hearts, sweep } = stage(3000);
  hearts.watch(link, 0);
  hearts.forget(link);
  hearts.answered(link, 0);
  assert.deepEqual(sweep(9000), { pings: 0, overdue: [] });
  const without = stage(0);
  without.hearts.watch(without.link, 0);
  without.sweep(0);
  assert.deepEqual(without.sweep(9000), { pings: 1, overdue: [] });
});

test("an event loop's lag is what its last answer took, or what it owes one for", () => {
  const { link, hearts, sweep } = stage(3000);
  hearts.watch(link, 0);
  sweep(0);
  assert.deepEqual(hearts.lagsMs(0), [[1, 0]]);
  assert.deepEqual(hearts.lagsMs(700), [[1, 700]]);
  hearts.answered(link, 40);
  assert.deepEqual(hearts.lagsMs(900), [[1, 40]]);
  sweep(1000);
  hearts.answered(link, 1002);
  // A second answer to one question, of a worker that counts wrongly.
  hearts.answered(link, 1500);
  assert.deepEqual(hearts.lagsMs(1600), [[1, 2]]);
});

test("it knows how long a worker has owed its answer", () => {
  const { link, hearts, sweep } = stage(3000);
  assert.equal(hearts.silenceMs(link, 100), 0);
  hearts.watch(link, 0);
  sweep(0);
  assert.equal(hearts.silenceMs(link, 1500), 1500);
  hearts.answered(link, 1600);
  assert.equal(hearts.silenceMs(link, 1600), 0);
});
