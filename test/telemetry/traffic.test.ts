import assert from "node:assert/strict";
import { test } from "node:test";
import { Traffic } from "../../src/telemetry/traffic.ts";

test("requests are counted by the first digit of their status", () => {
  const traffic = new Traffic();
  for (const status of [101, 200, 299, 304, 404, 499, 503, 0, 999]) traffic.answered(status, 10);
  assert.deepEqual(traffic.counts.requests, [2, 1, 2, 1, 2, 1]);
  assert.equal(traffic.counts.durations.counts[3], 9);
});

test("increments that are taken and added elsewhere are neither lost nor counted twice", () => {
  const [gateway, sums] = [new Traffic(), new Traffic()];
  for (let second = 1; second <= 3; second++) {
    for (let count = 0; count < second; count++) {
      gateway.answered(200, 100 * second);
      gateway.waited(second);
    }
    gateway.connections++;
    gateway.receivedBytes += 10;
    gateway.sentBytes += 2 ** 32;
    sums.add(JSON.parse(JSON.stringify(gateway.take())));
  }
  sums.add(gateway.take());
  const { requests, durations, waits, ...plain } = sums.counts;
  assert.deepEqual(requests, [0, 0, 6, 0, 0, 0]);
  assert.deepEqual([durations.counts[6], durations.counts[7], waits.counts[0]], [1, 2, 1]);
  assert.deepEqual(plain, { connections: 3, receivedBytes: 30, sentBytes: 3 * 2 ** 32 });
});
