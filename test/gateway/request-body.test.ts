import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync, truncateSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { RequestBody } from "../../src/gateway/request-body.ts";
import { WorkerLink } from "../../src/gateway/worker-link.ts";
import { TO_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { descriptorsBelow, temporaryDirectory, unbounded, until } from "./spool-directory.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const nobody = { onFrame: () => {}, onLost: () => {}, onDrain: () => {}, onFault: assert.fail };

for (const { name, memoryBytes, fileBytes, missing = false } of [
  { name: "memory and file", memoryBytes: 1_000, fileBytes: 20_000 },
  { name: "no file", memoryBytes: 1_000, fileBytes: 0 },
  { name: "neither memory nor file", memoryBytes: 0, fileBytes: 0 },
  { name: "a disk that refuses", memoryBytes: 1_000, fileBytes: 20_000, missing: true },
]) {
  test(`client and worker stall at random, the body arrives whole: ${name}`, async (t) => {
    const directory = temporaryDirectory(t);
    const worker = await FakeWorker.connect(t, directory);
    const link = new WorkerLink(1, 1, worker.gatewayHandle, nobody);
    let id = 0;
    const steps = fc.array(fc.constantFrom("client", "worker", "turn", "hurry"), { maxLength: 60, size: "max" });
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.constantFrom(1, 700, 5_000),
        fc.integer({ min: 0, max: 60_000 }),
        fc.constantFrom("complete", "short"),
        async (moves, pieceBytes, bodyBytes, end) => {
          const stream = ++id;
          const client = new MemoryExchange(requestHead("POST", "/", { kind: "chunked" }));
          const budget = { usedBytes: 0, maxBytes: 1e9 };
          let gathered = 0;
          const limits = {
            memoryBytes,
            memoryBudget: unbounded(),
            fileBytes,
            budget,
            directory: missing ? `${directory}/none` : directory,
            onDiskError: () => {},
          };
          const body = new RequestBody(client, limits, () => gathered++, assert.fail);
          client.readBody(body);
          const content = Buffer.alloc(Math.min(bodyBytes, pieceBytes * 200), "0123456789abcdef");
          let sent = 0;
          let ended = false;
          const send = () => {
            if (client.bodyPaused || ended) return;
            if (sent === content.length) {
              ended = true;
              client.endBody(end);
              return;
            }
            const piece = content.subarray(sent, sent + pieceBytes);
            sent += piece.length;
            client.send(Buffer.from(piece));
          };
          const ask = () => {
            if (gathered > 0) body.grant(link, stream, 3_000);
          };
          for (const move of moves) {
            if (move === "client") send();
            else if (move === "worker") ask();
            else if (move === "hurry") body.stopGathering();
            else await turn();
          }
          await until(() => {
            send();
            ask();
            return worker.received.some((frame) => frame.stream === stream && frame.type === TO_WORKER.bodyEnd);
          });
          const read = await worker.readBody(stream);
          assert.ok(read.body.equals(content));
          assert.equal(read.short, end === "short");
          assert.equal(gathered, 1);
          body.destroy();
          assert.equal(budget.usedBytes, 0);
          worker.received.length = 0;
        },
      ),
      { numRuns: 25 },
    );
    await until(() => descriptorsBelow(`${directory}/tunicorn-spool`, readlinkSync) === 0);
    link.giveUp("the test is over");
  });
}

test("what a client sends behind the answer costs nothing", (t) => {
  const client = new MemoryExchange(requestHead("POST", "/", { kind: "chunked" }));
  const limits = {
    memoryBytes: 10,
    fileBytes: 1_000_000,
    memoryBudget: unbounded(),
    budget: { usedBytes: 0, maxBytes: 1e9 },
    directory: temporaryDirectory(t),
    onDiskError: () => {},
  };
  const body = new RequestBody(client, limits, () => {}, assert.fail);
  client.readBody(body);
  client.send(Buffer.alloc(100));
  body.destroy();
  client.send(Buffer.alloc(100_000));
  client.endBody();
  assert.equal(limits.budget.usedBytes, 0);
});

test("a body whose spooled bytes cannot be read back is given up", async (t) => {
  const directory = temporaryDirectory(t);
  const worker = await FakeWorker.connect(t, directory);
  const link = new WorkerLink(1, 1, worker.gatewayHandle, nobody);
  const client = new MemoryExchange(requestHead("POST", "/", { kind: "chunked" }));
  let lost = 0;
  const limits = {
    memoryBytes: 0,
    memoryBudget: unbounded(),
    fileBytes: 1_000_000,
    budget: { usedBytes: 0, maxBytes: 1e9 },
    directory,
    onDiskError: () => {},
  };
  const body = new RequestBody(
    client,
    limits,
    () => {},
    () => lost++,
  );
  client.readBody(body);
  client.send(Buffer.alloc(300_000));
  const spool = () =>
    readdirSync("/proc/self/fd").find((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).includes("tunicorn-spool");
      } catch {
        return false;
      }
    });
  await until(() => spool() !== undefined && statSync(`/proc/self/fd/${spool()}`).size === 300_000);
  truncateSync(`/proc/self/fd/${spool()}`, 0);
  body.grant(link, 1, 300_000);
  await until(() => lost > 0);
  body.destroy();
  link.giveUp("the test is over");
});

test("a client that is faster than the disk waits for it, and no worker waits for the client", async (t) => {
  const directory = temporaryDirectory(t);
  const client = new MemoryExchange(requestHead("POST", "/", { kind: "chunked" }));
  let gathered = 0;
  const limits = {
    memoryBytes: 0,
    memoryBudget: unbounded(),
    fileBytes: 1e9,
    budget: { usedBytes: 0, maxBytes: 1e9 },
    directory,
    onDiskError: assert.fail,
  };
  const body = new RequestBody(client, limits, () => gathered++, assert.fail);
  client.readBody(body);
  while (!client.bodyPaused) client.send(Buffer.alloc(65_536));
  await until(() => !client.bodyPaused);
  assert.equal(gathered, 0);
  client.endBody();
  assert.equal(gathered, 1);
  body.destroy();
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});
