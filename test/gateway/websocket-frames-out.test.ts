import assert from "node:assert/strict";
import { test } from "node:test";
import { Sender } from "ws";
import { frameHead, TunnelSink } from "../../src/gateway/websocket-frames-out.ts";

for (const [bytes, binary, head] of [
  [0, false, "\x81\x00"],
  [5, false, "\x81\x05"],
  [125, true, "\x82\x7d"],
  [126, true, "\x82\x7e\x00\x7e"],
  [1000, false, "\x81\x7e\x03\xe8"],
] as const) {
  test(`the head of ${bytes} bytes of ${binary ? "binary" : "text"}`, () => {
    assert.equal(frameHead(bytes, binary), head);
    assert.equal(frameHead(bytes, binary), head, "and again, when it is known");
  });
}

test("a frame of ws leaves in one piece, and is done when it has left", () => {
  const seen: string[] = [];
  const sink = new TunnelSink((bytes) => seen.push(bytes.latin1Slice()));
  const sender = new Sender(sink, {});
  sender.send(Buffer.from("hi"), { binary: false, fin: true, compress: false, mask: false }, () => seen.push("done"));
  sender.close(1000, Buffer.alloc(0), false, () => seen.push("closed"));
  assert.deepEqual(seen, ["\x81\x02hi", "done", "\x88\x02\x03\xe8", "closed"]);
});
