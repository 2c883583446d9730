import assert from "node:assert/strict";
import { test } from "node:test";
import { data, HELLO, headers, POST, PREFACE, SETTINGS_ACK, settings } from "./frames.ts";
import { Harness } from "./harness.ts";

const open = (id: number) => headers(id, POST, { endStream: false });

function held(options: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness({ consume: false, ...options });
  harness.send(open(1));
  return harness;
}

test("a window is given back as the reader uses bytes, half a window at a time", () => {
  const harness = held();
  harness.send(data(1, 16384), data(1, 16384), data(1, 16384));
  assert.deepEqual(harness.read(), []);
  harness.streams[0]?.consumed(32767);
  assert.deepEqual(harness.read(), []);
  harness.streams[0]?.consumed(1);
  assert.deepEqual(harness.read(), ["windowUpdate 1 32768"]);
  harness.streams[0]?.consumed(16384);
  assert.deepEqual(harness.read(), []);
});

test("bytes beyond a stream's window break the stream", () => {
  const harness = held();
  harness.send(...Array.from({ length: 4 }, () => data(1, 16384)));
  assert.deepEqual(harness.read(), ["rstStream 1 FLOW_CONTROL_ERROR"]);
  assert.equal(harness.events.at(-1), "1 left FLOW_CONTROL_ERROR");
});

test("bytes beyond the connection's window end the connection", () => {
  const harness = new Harness({ consume: false });
  for (let id = 1; id < 100; id += 2) {
    harness.send(open(id), data(id, 16384), data(id, 16384), data(id, 16384));
    if (harness.end !== undefined) break;
  }
  assert.equal(harness.end?.code, "FLOW_CONTROL_ERROR");
  const held = [...harness.bodies.values()].flat().reduce((sum, { length }) => sum + length, 0);
  assert.ok(held <= 1 << 20, `${held} bytes are held`);
});

test("what a stream has not used is the connection's again when it is gone", () => {
  const harness = new Harness({ consume: false });
  for (let id = 1; id < 400; id += 2) {
    harness.send(open(id), data(id, 16384));
    harness.streams.at(-1)?.reset("CANCEL");
  }
  // 200 * 16384 bytes are three times the window.
  assert.equal(harness.end, undefined);
});

test("late bytes of a stream that is gone do not use the connection's window up", () => {
  const harness = held();
  harness.streams[0]?.reset("CANCEL");
  for (let i = 0; i < 200; i += 1) harness.send(data(1, 16384));
  assert.equal(harness.end, undefined);
});

test("a request without a reader loses its body, and the connection nothing", () => {
  const harness = new Harness({
    onRequest: (stream) => {
      stream.reader = undefined;
    },
  });
  harness.send(open(1));
  for (let i = 0; i < 200; i += 1) harness.send(data(1, 16384));
  harness.send(data(1, "", true));
  assert.equal(harness.end, undefined);
  assert.equal(harness.streams[0]?.requestEnded, true);
});

test("a stream whose request has ended gets no more window", () => {
  const harness = held();
  harness.send(data(1, 16384), data(1, 16384), data(1, 16384, true));
  harness.streams[0]?.consumed(3 * 16384);
  assert.deepEqual(harness.read(), []);
});

test("more cannot be given back than has come", () => {
  const harness = held();
  harness.send(data(1, "abc"));
  harness.streams[0]?.consumed(1_000_000);
  assert.deepEqual(harness.read(), []);
});

test("until a client has read a smaller window, it may go by the usual one", () => {
  const harness = new Harness({ hello: false, consume: false, settings: { initialWindowSize: 10 } });
  harness.send(PREFACE, settings(), open(1), data(1, 1000));
  assert.deepEqual(harness.events, ["1 POST /", "1 body 1000"]);
  harness.send(SETTINGS_ACK, open(3), data(3, 10), data(3, 1));
  assert.equal(harness.events.at(-1), "3 left FLOW_CONTROL_ERROR");
  harness.send(data(1, 1));
  assert.equal(harness.events.at(-1), "1 left FLOW_CONTROL_ERROR");
});

test("a larger window than the usual one may be used at once", () => {
  const harness = new Harness({ hello: false, consume: false, settings: { initialWindowSize: 200_000 } });
  harness.send(HELLO, open(1), ...Array.from({ length: 12 }, () => data(1, 16384)));
  assert.equal(harness.end, undefined);
  assert.equal(harness.body(1).length, 12 * 16384);
});

test("a frame that comes byte by byte is a body byte by byte", () => {
  const harness = new Harness();
  harness.send(open(1));
  for (const byte of data(1, "hello", true)) harness.send(Buffer.of(byte));
  assert.equal(harness.body(1), "hello");
  assert.equal(harness.events.at(-1), "1 end");
});

test("a stream that ends within a frame takes no more of it", () => {
  const harness = held();
  const bytes = data(1, "hello", true);
  harness.send(bytes.subarray(0, 11));
  harness.streams[0]?.reset("CANCEL");
  harness.send(bytes.subarray(11), open(3));
  assert.deepEqual(harness.events, ["1 POST /", "1 body 2", "3 POST /"]);
});
