import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Way, WorkerPools } from "../../src/gateway/worker-pools.ts";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { PoolHarness } from "./pool-harness.ts";
import { until } from "./spool-directory.ts";

const OK = { status: "200 OK", head: "A: b\r\n" };

/** Two pools, of which a harness each plays the workers: what matters here is which of them gets a request. */
function pair(t: TestContext) {
  const harnesses: Record<Way, PoolHarness> = { pull: new PoolHarness(t), push: new PoolHarness(t) };
  const pools = new WorkerPools("pull", (way) => harnesses[way].pool);
  const ask = (path: string): MemoryExchange => {
    const exchange = new MemoryExchange(requestHead("GET", path), { arrivedMs: 1000 });
    pools.handle(exchange);
    return exchange;
  };
  return { ...harnesses, pools, ask };
}

async function answer(harness: PoolHarness, { worker, number }: Awaited<ReturnType<PoolHarness["worker"]>>): Promise<string> {
  const { id, head } = await harness.take(number);
  worker.send(FROM_WORKER.response, id, { ...OK, contentLength: 2, body: "ok" });
  return head;
}

test("requests go on to the workers of before until one of the new kind is ready", async (t) => {
  const { pull, push, pools, ask } = pair(t);
  const old = await pull.worker();
  pools.change("push", pull.limits);
  const first = ask("/first");
  await answer(pull, old);
  await until(() => first.ending !== "open");
  const fresh = await push.worker();
  const second = ask("/second");
  await answer(push, fresh);
  await until(() => second.ending !== "open");
  assert.deepEqual([first.status, second.status, pools.workers, pools.held], ["200 OK", "200 OK", 2, 0]);
});

test("what waits in a pool whose last worker has gone is given to the other, tickets that nobody took included", async (t) => {
  const { pull, push, pools, ask } = pair(t);
  const old = await pull.worker();
  const clients = ["/a", "/b", "/c"].map(ask);
  pools.change("push", pull.limits);
  const fresh = await push.worker();
  old.worker.kill();
  for (const client of clients) {
    await answer(push, fresh);
    await until(() => client.ending !== "open" || clients.some(({ ending }) => ending !== "open"));
  }
  await until(() => clients.every(({ ending }) => ending !== "open"));
  assert.deepEqual(
    clients.map(({ status }) => status),
    ["200 OK", "200 OK", "200 OK"],
  );
  assert.deepEqual([pools.held, pools.queued, pull.pool.held], [0, 0, 0]);
});

test("a body that was gathered goes along", async (t) => {
  const { pull, push, pools } = pair(t);
  const exchange = new MemoryExchange(requestHead("POST", "/body", { kind: "length", bytes: 4 }), { arrivedMs: 1000 });
  pools.handle(exchange);
  exchange.send(Buffer.from("body"));
  exchange.endBody();
  pools.change("push", pull.limits);
  const fresh = await push.worker();
  pools.sweep();
  const ticket = await push.take(fresh.number);
  assert.equal(ticket.body, "body");
});
