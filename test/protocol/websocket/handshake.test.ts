import assert from "node:assert/strict";
import { test } from "node:test";
import { asksForWebsocket, checkHandshake, checkHandshakeInHttp2, joinedField } from "../../../src/protocol/websocket/handshake.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { requestHead } from "../../gateway/memory-exchange.ts";

type Fields = readonly (readonly [string, string])[];
const UPGRADE: Fields = [
  ["Host", "h"],
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
];
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const handshake = (fields: Fields, changes: Partial<RequestHead> = {}) => ({
  ...requestHead("GET", "/", { kind: "none" }, fields),
  ...changes,
});

const ASKS: readonly { name: string; fields: Fields }[] = [
  { name: "as browsers send it", fields: UPGRADE },
  {
    name: "in other letters",
    fields: [
      ["UPGRADE", "WebSocket"],
      ["connection", "upgrade"],
    ],
  },
  {
    name: "lists",
    fields: [
      ["Upgrade", "h3, websocket"],
      ["Connection", "keep-alive, Upgrade"],
    ],
  },
  {
    name: "fields of the same name",
    fields: [
      ["Upgrade", "h3"],
      ["Upgrade", "websocket"],
      ["Connection", "close"],
      ["Connection", "Upgrade"],
    ],
  },
];
for (const { name, fields } of ASKS) test(`asks for a WebSocket: ${name}`, () => assert.ok(asksForWebsocket(handshake(fields))));

const ASKS_NOT: readonly { name: string; head: RequestHead }[] = [
  { name: "no Upgrade", head: handshake([["Connection", "Upgrade"]]) },
  { name: "no Connection", head: handshake([["Upgrade", "websocket"]]) },
  {
    name: "another protocol",
    head: handshake([
      ["Upgrade", "websocket2"],
      ["Connection", "Upgrade"],
    ]),
  },
  {
    name: "Connection names something else",
    head: handshake([
      ["Upgrade", "websocket"],
      ["Connection", "upgrade-insecure"],
    ]),
  },
  { name: "POST", head: handshake(UPGRADE, { method: "POST" }) },
  { name: "HTTP/1.0", head: handshake(UPGRADE, { protocol: "HTTP/1.0" }) },
  { name: "a body", head: handshake(UPGRADE, { framing: { kind: "length", bytes: 2 } }) },
];
for (const { name, head } of ASKS_NOT) test(`does not ask for a WebSocket: ${name}`, () => assert.ok(!asksForWebsocket(head)));

test("checkHandshake gives the key", () => {
  assert.equal(
    checkHandshake(
      handshake([
        ["Sec-WebSocket-Version", "13"],
        ["Sec-WebSocket-Key", KEY],
      ]),
    ),
    KEY,
  );
});

const REFUSED: readonly { name: string; fields: Fields; code: string }[] = [
  { name: "no version", fields: [["Sec-WebSocket-Key", KEY]], code: "bad-websocket-version" },
  {
    name: "version 8",
    fields: [
      ["Sec-WebSocket-Version", "8"],
      ["Sec-WebSocket-Key", KEY],
    ],
    code: "bad-websocket-version",
  },
  {
    name: "two versions",
    fields: [
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Version", "8"],
      ["Sec-WebSocket-Key", KEY],
    ],
    code: "bad-websocket-version",
  },
  { name: "no key", fields: [["Sec-WebSocket-Version", "13"]], code: "bad-websocket-key" },
  {
    name: "two keys",
    fields: [
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", KEY],
      ["Sec-WebSocket-Key", KEY],
    ],
    code: "bad-websocket-key",
  },
  {
    name: "15 bytes",
    fields: [
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA"],
    ],
    code: "bad-websocket-key",
  },
  {
    name: "17 bytes",
    fields: [
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAAA="],
    ],
    code: "bad-websocket-key",
  },
  {
    name: "no base64",
    fields: [
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q=="],
    ],
    code: "bad-websocket-key",
  },
];
for (const { name, fields, code } of REFUSED) {
  test(`checkHandshake refuses ${name}`, () => assert.throws(() => checkHandshake(handshake(fields)), { code }));
}

test("HTTP/2 has a version, and no key", () => {
  checkHandshakeInHttp2(handshake([["Sec-WebSocket-Version", "13"]]));
  for (const versions of [[], ["8"], ["13", "13"], ["13, 8"]]) {
    const head = handshake(versions.map((version) => ["Sec-WebSocket-Version", version]));
    assert.throws(() => checkHandshakeInHttp2(head), { code: "bad-websocket-version-in-http2" }, versions.join());
  }
});

test("joinedField joins all fields of a name", () => {
  const head = handshake([
    ["Sec-WebSocket-Extensions", "a; b=1"],
    ["X", "y"],
    ["sec-websocket-extensions", "c"],
  ]);
  assert.equal(joinedField(head, "sec-websocket-extensions"), "a; b=1, c");
  assert.equal(joinedField(head, "nothing"), undefined);
});
