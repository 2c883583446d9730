import assert from "node:assert/strict";
import { test } from "node:test";
import { headers, POST, settings } from "./frames.ts";
import { Harness } from "./harness.ts";

test("every call on a stream that is over is ignored", () => {
  const harness = new Harness();
  harness.send(headers(1));
  const stream = harness.streams[0] ?? assert.fail();
  stream.respond(200, [], Buffer.from("x"));
  harness.read();
  assert.equal(stream.closed, true);
  stream.respond(200, [], Buffer.from("x"));
  stream.start(200, [], undefined);
  stream.informational(103, []);
  stream.dataReady();
  stream.consumed(5);
  stream.reset("CANCEL");
  assert.deepEqual(harness.read(), []);
});

test("a response has one head", () => {
  const harness = new Harness();
  harness.send(headers(1));
  const stream = harness.streams[0] ?? assert.fail();
  stream.start(200, [], { size: 0, ended: false, trailers: undefined, read: () => Buffer.alloc(0) });
  stream.start(200, [], undefined);
  stream.respond(200, [], Buffer.from("x"));
  assert.deepEqual(harness.read(), ["headers 1 :status=200"]);
});

test("a stream says what has gone and what waits for the client", () => {
  const harness = new Harness();
  harness.send(settings({ initialWindowSize: 2 }), headers(1, POST, { endStream: false }));
  const stream = harness.streams[0] ?? assert.fail();
  assert.deepEqual([stream.sentBytes, stream.pendingBytes], [0, 0]);
  stream.respond(200, [], Buffer.from("abc"));
  assert.deepEqual([stream.sentBytes, stream.pendingBytes], [2, 1]);
  harness.send(settings({ initialWindowSize: 3 }));
  assert.deepEqual([stream.sentBytes, stream.pendingBytes], [3, 0]);
});
