import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { block, data, frame, GET, headers, POST } from "./frames.ts";
import { Harness } from "./harness.ts";

/** A literal that the table takes: `x-a: first`. */
const INDEXED = Buffer.from("4003782d61056669727374", "hex");

test("blocks that nobody wants are decoded all the same: the table is the connection's", () => {
  const harness = new Harness({ settings: { maxConcurrentStreams: 1 } });
  harness.send(headers(1));
  // Refused for being one too many.
  harness.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([block(GET), INDEXED])));
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  harness.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 5, Buffer.concat([block(GET), Buffer.from([0xbe])])));
  assert.deepEqual(harness.heads[1]?.values, ["h", "first"]);
});

test("trailers of a stream that is gone are decoded too", () => {
  const harness = new Harness({ onRequest: (stream) => stream.id === 1 && stream.reset("CANCEL") });
  harness.send(headers(1, POST, { endStream: false }), frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, INDEXED));
  harness.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([block(GET), Buffer.from([0xbe])])));
  assert.deepEqual(harness.heads[1]?.values, ["h", "first"]);
});

test("a block of as many bytes as allowed, in 64 CONTINUATION frames", () => {
  const harness = new Harness();
  const whole = block([...GET, ...Array.from({ length: 8 }, (_, i): [string, string] => [`x-${i}`, "v".repeat(7000)])]);
  const size = Math.ceil(whole.length / 65);
  harness.send(frame(FRAME.headers, FLAG.endStream, 1, whole.subarray(0, size)));
  for (let i = 1; i < 65; i += 1) {
    harness.send(frame(FRAME.continuation, i === 64 ? FLAG.endHeaders : 0, 1, whole.subarray(i * size, (i + 1) * size)));
  }
  assert.deepEqual(harness.events, ["1 GET /"]);
  assert.equal(harness.heads[0]?.values[8]?.length, 7000);
});

test("END_STREAM of a block of several frames stands on its first", () => {
  const harness = new Harness();
  const whole = block(POST);
  harness.send(frame(FRAME.headers, 0, 1, whole.subarray(0, 5)));
  harness.send(frame(FRAME.continuation, FLAG.endHeaders | FLAG.endStream, 1, whole.subarray(5)));
  assert.equal(harness.streams[0]?.requestEnded, false);
  harness.send(data(1, "x", true));
  assert.equal(harness.events.at(-1), "1 end");
});

test("a block too large for its list is refused, and the connection goes on", () => {
  const harness = new Harness();
  const whole = block([...GET, ...Array.from({ length: 10 }, (_, i): [string, string] => [`x-${i}`, "v".repeat(8000)])]);
  harness.send(frame(FRAME.headers, FLAG.endStream, 1, whole.subarray(0, 16384)));
  for (let at = 16384; at < whole.length; at += 16384) {
    harness.send(frame(FRAME.continuation, at + 16384 >= whole.length ? FLAG.endHeaders : 0, 1, whole.subarray(at, at + 16384)));
  }
  harness.send(headers(3));
  assert.deepEqual(harness.events, ["1 refused headers-too-large", "3 GET /"]);
});
