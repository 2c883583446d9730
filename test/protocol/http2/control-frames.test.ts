import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import { FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { frame, headers, settings, windowUpdate } from "./frames.ts";
import { Harness } from "./harness.ts";

test("the client's acknowledgement is noted", () => {
  const harness = new Harness({ hello: false });
  assert.equal(harness.connection.settingsAcknowledged, false);
  const said = new Harness();
  assert.equal(said.connection.settingsAcknowledged, true);
});

test("a client without a table for fields gets them whole each time", () => {
  const harness = new Harness();
  harness.send(settings({ headerTableSize: 0 }), headers(1), headers(3));
  const field = encodeField("x-a", "b");
  for (const stream of harness.streams) stream.respond(200, [field], Buffer.alloc(0));
  const blocks = harness.frames().filter(({ type }) => type === FRAME.headers);
  assert.deepEqual(
    blocks.map(({ payload }) => payload.toString("hex")),
    ["20" + "88" + "4003782d610162", "88" + "4003782d610162"],
  );
});

test("the last of several values counts, within a frame too", () => {
  const harness = new Harness();
  const both = Buffer.concat([settings({ initialWindowSize: 1 }).subarray(9), settings({ initialWindowSize: 3 }).subarray(9)]);
  harness.send(frame(FRAME.settings, 0, 0, both), headers(1));
  harness.streams[0]?.respond(200, [], Buffer.from("hello"));
  assert.deepEqual(harness.read(), ["settings ACK", "headers 1 :status=200", "data 1 3"]);
});

test("an answer to a PING that was never sent is read over", () => {
  const harness = new Harness();
  harness.send(frame(FRAME.ping, FLAG.ack, 0, Buffer.from("tunicorn")));
  assert.deepEqual(harness.read(), []);
  assert.equal(harness.connection.openStreams, 0);
});

test("the connection's window grows to its end and not beyond", () => {
  const harness = new Harness();
  harness.send(windowUpdate(0, 2 ** 31 - 1 - 65535), headers(1));
  assert.deepEqual(harness.events, ["1 GET /"]);
  harness.send(windowUpdate(0, 1));
  assert.equal(harness.end?.code, "FLOW_CONTROL_ERROR");
});
