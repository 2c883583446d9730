import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Way, WorkerPools, wayOf } from "../../src/gateway/worker-pools.ts";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { settled } from "../settings/machine.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { PoolHarness } from "./pool-harness.ts";
import { until } from "./spool-directory.ts";

const OK = { status: "200 OK", head: "A: b\r\n" };

/** Two pools, of which a harness each plays the workers: what matters here is which of them gets a request. */
function pair(t: TestContext) {
  const harnesses: Record<Way, PoolHarness> = { pull: new PoolHarness(t), asgi: new PoolHarness(t), wsgi: new PoolHarness(t) };
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
  const { pull, asgi, pools, ask } = pair(t);
  const old = await pull.worker();
  pools.change("asgi", pull.limits);
  const first = ask("/first");
  await answer(pull, old);
  await until(() => first.ending !== "open");
  const fresh = await asgi.worker();
  const second = ask("/second");
  await answer(asgi, fresh);
  await until(() => second.ending !== "open");
  assert.deepEqual([first.status, second.status, pools.workers, pools.held], ["200 OK", "200 OK", 2, 0]);
});

test("what waits in a pool whose last worker has gone is given to the other, tickets that nobody took included", async (t) => {
  const { pull, asgi, pools, ask } = pair(t);
  const old = await pull.worker();
  const clients = ["/a", "/b", "/c"].map(ask);
  pools.change("asgi", pull.limits);
  const fresh = await asgi.worker();
  old.worker.kill();
  for (const client of clients) {
    await answer(asgi, fresh);
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
  const { pull, asgi, pools } = pair(t);
  const exchange = new MemoryExchange(requestHead("POST", "/body", { kind: "length", bytes: 4 }), { arrivedMs: 1000 });
  pools.handle(exchange);
  exchange.send(Buffer.from("body"));
  exchange.endBody();
  pools.change("asgi", pull.limits);
  const fresh = await asgi.worker();
  pools.sweep();
  const ticket = await asgi.take(fresh.number);
  assert.equal(ticket.body, "body");
});

test("applications of another interface have workers of their own, though requests are pushed to both", async (t) => {
  const { asgi, wsgi, pull, pools, ask } = pair(t);
  pools.change("asgi", pull.limits);
  await asgi.worker();
  pools.change("wsgi", pull.limits);
  const fresh = await wsgi.worker();
  const exchange = ask("/");
  await answer(wsgi, fresh);
  await until(() => exchange.ending !== "open");
  assert.deepEqual([exchange.status, pools.workers], ["200 OK", 2]);
});

test("ways follow from the worker class", () => {
  const found = ["sync", "asgi", "gevent", "eventlet", "package.Class"].map((name) => wayOf(settled(["-k", name, "app"], []).settings));
  assert.deepEqual(found, ["pull", "asgi", "wsgi", "wsgi", undefined]);
});
