import assert from "node:assert/strict";
import { test } from "node:test";
import { FROM_WORKER, TO_WORKER } from "../../src/wire/frame-types.ts";
import { PoolHarness } from "./pool-harness.ts";
import { until } from "./spool-directory.ts";

const { credit } = FROM_WORKER;

test("a body that comes too slowly to be worth a worker's time is waited for beyond `body_wait`", async (t) => {
  const harness = new PoolHarness(t);
  const { number } = await harness.worker();
  const client = harness.request("/", { framing: { kind: "chunked" } });
  for (let second = 0; second < 100; second++) {
    client.send(Buffer.alloc(6_000));
    harness.nowMs += 1_000;
    harness.pool.sweep();
  }
  assert.equal(harness.tickets.length, 0);
  client.endBody();
  await harness.take(number);
});

test("a body is waited for `body_wait`, then the worker starts and the rest streams", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const client = harness.request("/", { framing: { kind: "chunked" } });
  const FAST = Buffer.alloc(10 * 65_536, "1");
  client.send(FAST);
  harness.nowMs += 9_999;
  harness.pool.sweep();
  assert.equal(harness.pool.queued, 0);
  harness.nowMs += 1;
  harness.pool.sweep();
  const { id } = await harness.take(number);
  worker.sendUInt32(credit, id, FAST.length + 100);
  let received = 0;
  while (received < FAST.length) received += (await worker.next(TO_WORKER.body)).payload.length;
  client.send(Buffer.from("two"));
  client.endBody();
  assert.equal((await worker.next(TO_WORKER.body)).payload.toString(), "two");
  await worker.next(TO_WORKER.bodyEnd);
});

test("queue_timeout: 503 for what waited too long", (t) => {
  const harness = new PoolHarness(t, { queueTimeoutMs: 3_000 });
  const client = harness.request("/");
  harness.nowMs += 3_000;
  harness.pool.sweep();
  assert.equal(client.ending, "open");
  harness.nowMs += 1;
  harness.pool.sweep();
  assert.deepEqual([client.ending, client.status], ["refused", "503 Service Unavailable"]);
  assert.deepEqual(harness.reports, ["queue-timeout 3000 192.0.2.1"]);
  harness.assertEmpty();
});

test("queue_timeout counts from when a request can be given to a worker: the time of its body is not its waiting", (t) => {
  const harness = new PoolHarness(t, { queueTimeoutMs: 2_000 });
  const client = harness.request("/up", { framing: { kind: "length", bytes: 4 } });
  harness.nowMs += 9_000;
  client.send(Buffer.from("body"));
  client.endBody();
  harness.nowMs += 2_000;
  harness.pool.sweep();
  assert.equal(client.ending, "open");
  harness.nowMs += 1;
  harness.pool.sweep();
  assert.deepEqual([client.status, client.fieldLines], ["503 Service Unavailable", "Retry-After: 2\r\n"]);
  harness.assertEmpty();
});

test("timeout: the arbiter is told once, and the worker's death is a 504", async (t) => {
  const harness = new PoolHarness(t);
  const { worker, number } = await harness.worker();
  const client = harness.request("/slow");
  await harness.take(number);
  harness.nowMs += 31_000;
  harness.pool.sweep();
  harness.pool.sweep();
  assert.deepEqual(
    harness.reports.filter((text) => text.startsWith("overdue")),
    [`overdue ${number} ${31_000 - 1} /slow`],
  );
  worker.die();
  await until(() => client.ending !== "open");
  assert.equal(client.status, "504 Gateway Timeout");
  harness.assertEmpty();
});
