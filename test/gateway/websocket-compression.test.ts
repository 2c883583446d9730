import assert from "node:assert/strict";
import { test } from "node:test";
import { agreeOnCompression } from "../../src/gateway/websocket-compression.ts";

const AGREED: readonly (readonly [offer: string, answer: string])[] = [
  ["permessage-deflate", "permessage-deflate; server_max_window_bits=12"],
  ["permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12; server_max_window_bits=12"],
  ["permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=12"],
  ["x-other; a=1, permessage-deflate", "permessage-deflate; server_max_window_bits=12"],
];
for (const [offer, answer] of AGREED) {
  test(`agreed to: ${offer}`, () => {
    const { fieldLines, deflate } = agreeOnCompression(offer, 1000);
    assert.equal(fieldLines, `Sec-WebSocket-Extensions: ${answer}\r\n`);
    assert.ok(deflate !== undefined);
  });
}

for (const offer of [
  undefined,
  "",
  "x-other",
  "permessage-deflate; server_max_window_bits=8",
  "permessage-deflate; a=b",
  ";;",
  "a, ,",
  "permessage-deflate; client_max_window_bits=16",
]) {
  test(`not agreed to: ${offer}`, () => {
    const { fieldLines, deflate, extensions } = agreeOnCompression(offer, 1000);
    assert.deepEqual([fieldLines, deflate, extensions], ["", undefined, {}]);
  });
}
