import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerLink } from "../../src/gateway/worker-link.ts";
import { BODY_SHORT, FROM_WORKER, TO_WORKER } from "../../src/wire/frame-types.ts";
import { FakeWorker } from "./fake-worker.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

test("every frame that the gateway sends arrives as the contract says", async (t) => {
  const worker = await FakeWorker.connect(t, temporaryDirectory(t));
  const link = new WorkerLink(1, 1, worker.gatewayHandle, { onFrame: () => {}, onLost: () => {}, onDrain: () => {}, onFault: assert.fail });
  link.stop();
  link.ping();
  link.head(7, "h\xe9");
  link.body(7, Buffer.from("b"));
  link.bodyEnd(7, false);
  link.bodyEnd(7, true);
  link.credit(7, 258);
  link.cancel(7);
  link.fileTaken(7);
  link.fileRefused(7);
  await until(() => worker.received.length === 10);
  const { stop, ping, head, body, bodyEnd, credit, cancel, fileTaken, fileRefused } = TO_WORKER;
  assert.deepEqual(
    worker.received.map(({ type, stream, flags, payload }) => [type, stream, flags, payload.toString("latin1")]),
    [
      [stop, 0, 0, ""],
      [ping, 0, 0, ""],
      [head, 7, 0, "h\xe9"],
      [body, 7, 0, "b"],
      [bodyEnd, 7, 0, ""],
      [bodyEnd, 7, BODY_SHORT, ""],
      [credit, 7, 0, "\x02\x01\0\0"],
      [cancel, 7, 0, ""],
      [fileTaken, 7, 0, ""],
      [fileRefused, 7, 0, ""],
    ],
  );
  link.giveUp("the test is over");
});

test("frames are told with their link, and the end of the channel behind them", async (t) => {
  const worker = await FakeWorker.connect(t, temporaryDirectory(t));
  const told: string[] = [];
  const link = new WorkerLink(5, 50, worker.gatewayHandle, {
    onFrame: (from, frame) => told.push(`${from.number} ${frame.type} ${frame.stream} ${frame.payload}`),
    onFault: assert.fail,
    onDrain: () => {},
    onLost: (from, reason) => told.push(`${from.number} lost ${reason}`),
  });
  worker.send(FROM_WORKER.body, 3, { body: "x".repeat(100_000) });
  worker.send(FROM_WORKER.pong, 0);
  worker.die();
  await until(() => told.length === 3);
  assert.deepEqual(told, [`5 3 3 ${"x".repeat(100_000)}`, "5 11 0 ", "5 lost undefined"]);
  link.ping();
});

test("what a worker sent before it died is read, although writing to it has failed meanwhile", async (t) => {
  const worker = await FakeWorker.connect(t, temporaryDirectory(t));
  let payloadBytes = 0;
  let lost = false;
  const link = new WorkerLink(1, 1, worker.gatewayHandle, {
    onFrame: (_, frame) => {
      payloadBytes += frame.payloadBytes;
    },
    onFault: assert.fail,
    onDrain: () => {},
    onLost: () => {
      lost = true;
    },
  });
  const BYTES = 20_000;
  for (let i = 0; i < 3; i++) worker.send(FROM_WORKER.body, 1, { body: Buffer.alloc(BYTES) });
  // The worker is dead before any of it has been read: nothing is read while a turn lasts.
  worker.kill();
  for (let i = 0; i < 20; i++) link.body(1, Buffer.alloc(65_536));
  await until(() => lost);
  assert.equal(payloadBytes, 3 * BYTES);
});

test("a link that is given up reports its loss once, and swallows what is still sent", async (t) => {
  const worker = await FakeWorker.connect(t, temporaryDirectory(t));
  let losses = 0;
  const link = new WorkerLink(1, 1, worker.gatewayHandle, {
    onFrame: () => {},
    onLost: () => losses++,
    onDrain: () => {},
    onFault: assert.fail,
  });
  worker.send(FROM_WORKER.pong, 0);
  link.giveUp("the test is over");
  link.ping();
  await until(() => losses === 1 && worker.ended);
  link.stop();
  assert.equal(losses, 1);
});
