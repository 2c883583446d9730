import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ResponseRelay } from "../../src/gateway/response-relay.ts";
import { RESPONSE_WINDOW_BYTES } from "../../src/wire/frame-types.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { descriptorsBelow, temporaryDirectory, unbounded, until } from "./spool-directory.ts";

const HEAD = { status: "200 OK", fieldLines: "", contentLength: undefined, close: false };
const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const { name, memoryBytes, fileBytes, missing = false } of [
  { name: "memory and file", memoryBytes: 100_000, fileBytes: 400_000 },
  { name: "no file", memoryBytes: 100_000, fileBytes: 0 },
  { name: "neither memory nor file", memoryBytes: 0, fileBytes: 0 },
  { name: "a disk that refuses", memoryBytes: 100_000, fileBytes: 400_000, missing: true },
]) {
  test(`worker and client stall at random, the response arrives whole, and no credit is lost: ${name}`, async (t) => {
    const directory = temporaryDirectory(t);
    const stalls = fc.array(fc.constantFrom("client", "worker", "turn"), { maxLength: 60, size: "max" });
    await fc.assert(
      fc.asyncProperty(
        stalls,
        fc.constantFrom(1_000, 70_000, 262_144),
        fc.integer({ min: 0, max: 1_500_000 }),
        async (steps, chunkBytes, bodyBytes) => {
          const client = new MemoryExchange(requestHead("GET", "/"), { takes: 50_000 });
          client.start(HEAD);
          let credit = RESPONSE_WINDOW_BYTES;
          const budget = { usedBytes: 0, maxBytes: Number.POSITIVE_INFINITY };
          const limits = {
            memoryBytes,
            memoryBudget: unbounded(),
            fileBytes,
            budget,
            directory: missing ? `${directory}/none` : directory,
            onDiskError: () => {},
          };
          const relay = new ResponseRelay(
            client,
            limits,
            (bytes) => {
              credit += bytes;
            },
            assert.fail,
          );
          const body = Buffer.alloc(bodyBytes, "0123456789abcdef");
          let sent = 0;
          let ended = false;
          const work = () => {
            const bytes = Math.min(chunkBytes, credit, bodyBytes - sent);
            if (bytes > 0) relay.push(body.subarray(sent, sent + bytes));
            sent += bytes;
            credit -= bytes;
            assert.ok(credit <= RESPONSE_WINDOW_BYTES);
            // What was taken from the window and not given back is bounded by what may be kept.
            if (sent === bodyBytes && !ended) {
              ended = true;
              relay.end();
            }
          };
          for (const step of steps) {
            if (step === "client") client.take(30_000);
            else if (step === "worker") work();
            else await turn();
          }
          await until(() => {
            client.take(200_000);
            work();
            return client.ending !== "open";
          });
          assert.equal(client.ending, "complete");
          assert.ok(client.received.equals(body));
          assert.equal(budget.usedBytes, 0);
        },
      ),
      { numRuns: 25 },
    );
    await until(() => descriptorsBelow(directory, readlinkSync) === 0);
  });
}

test("a client that takes nothing: the worker is stopped once memory and file are full", async (t) => {
  const client = new MemoryExchange(requestHead("GET", "/"), { takes: 0 });
  client.start(HEAD);
  let credit = RESPONSE_WINDOW_BYTES;
  const limits = {
    memoryBytes: 100_000,
    fileBytes: 300_000,
    memoryBudget: unbounded(),
    budget: { usedBytes: 0, maxBytes: 1e9 },
    directory: temporaryDirectory(t),
    onDiskError: assert.fail,
  };
  const relay = new ResponseRelay(
    client,
    limits,
    (bytes) => {
      credit += bytes;
    },
    assert.fail,
  );
  let sent = 0;
  for (let idle = 0; idle < 200; idle++) {
    const bytes = Math.min(50_000, credit);
    if (bytes > 0) {
      relay.push(Buffer.alloc(bytes));
      idle = 0;
    }
    sent += bytes;
    credit -= bytes;
    await turn();
  }
  // Its file, which may be opened late, goes before the directory does.
  await until(() => descriptorsBelow(limits.directory, readlinkSync) === 1);
  assert.ok(sent >= 400_000 && sent <= 400_000 + RESPONSE_WINDOW_BYTES + 50_000, `${sent} bytes were taken`);
  relay.discard();
  assert.equal(limits.budget.usedBytes, 0);
  await until(() => descriptorsBelow(limits.directory, readlinkSync) === 0);
});

test("abort cuts the response, and what comes after it is nobody's", (t) => {
  const client = new MemoryExchange(requestHead("GET", "/"));
  client.start(HEAD);
  const limits = {
    memoryBytes: 10,
    fileBytes: 10,
    memoryBudget: unbounded(),
    budget: { usedBytes: 0, maxBytes: 10 },
    directory: temporaryDirectory(t),
    onDiskError: assert.fail,
  };
  const relay = new ResponseRelay(client, limits, () => {}, assert.fail);
  relay.push(Buffer.from("a"));
  relay.abort();
  relay.push(Buffer.from("b"));
  relay.end();
  relay.abort();
  assert.equal(client.ending, "cut");
  assert.equal(client.received.toString(), "a");
});
