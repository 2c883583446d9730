import assert from "node:assert/strict";
import { test } from "node:test";
import { readUpgrade } from "../../../src/protocol/http2/h2c-upgrade.ts";
import { headerName } from "../../../src/request/header-name.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { requestHead } from "../../gateway/memory-exchange.ts";
import type { Fields } from "./frames.ts";

const FIELDS: Fields = [
  ["Host", "h"],
  ["Connection", "Upgrade, HTTP2-Settings"],
  ["Upgrade", "h2c"],
  ["HTTP2-Settings", "AAMAAABkAAQAAP__"],
  ["Accept", "*/*"],
];

function head(fields: Fields, protocol = "HTTP/1.1"): RequestHead {
  return { ...requestHead("GET", "/", { kind: "none" }, fields), protocol };
}

function replaced(name: string, ...values: string[]): Fields {
  return [...FIELDS.filter(([other]) => other !== name), ...values.map((value): [string, string] => [name, value])];
}

test("the request goes on as HTTP/2's, without the fields of the connection it came on", () => {
  const upgrade = readUpgrade(head(FIELDS));
  assert.equal(upgrade?.settings.toString("hex"), "00030000006400040000ffff");
  assert.equal(upgrade?.head.protocol, "HTTP/2.0");
  assert.deepEqual(upgrade?.head.names, [headerName("Host"), headerName("Accept")]);
  assert.deepEqual(upgrade?.head.values, ["h", "*/*"]);
});

for (const { name, fields } of [
  { name: "no settings at all in its payload", fields: replaced("HTTP2-Settings", "") },
  { name: "connection options in other letters, over two fields", fields: replaced("Connection", "http2-settings", "x, UPGRADE") },
]) {
  test(`an upgrade with ${name}`, () => assert.notEqual(readUpgrade(head(fields)), undefined));
}

for (const { name, request } of [
  { name: "HTTP/1.0", request: head(FIELDS, "HTTP/1.0") },
  { name: "no Upgrade", request: head(replaced("Upgrade")) },
  { name: "another protocol", request: head(replaced("Upgrade", "websocket")) },
  { name: "several protocols", request: head(replaced("Upgrade", "h2c, websocket")) },
  { name: "two Upgrade", request: head(replaced("Upgrade", "h2c", "h2c")) },
  { name: "H2C in other letters", request: head(replaced("Upgrade", "H2C")) },
  { name: "a connection option missing", request: head(replaced("Connection", "Upgrade")) },
  { name: "the other one missing", request: head(replaced("Connection", "HTTP2-Settings")) },
  { name: "no settings", request: head(replaced("HTTP2-Settings")) },
  { name: "two settings", request: head(replaced("HTTP2-Settings", "AAMAAABk", "AAMAAABk")) },
  { name: "settings that are not base64url", request: head(replaced("HTTP2-Settings", "AAMAAABkAAQAAP//")) },
  { name: "settings that are cut", request: head(replaced("HTTP2-Settings", "AAMAAA")) },
  { name: "a setting that is not allowed", request: head(replaced("HTTP2-Settings", "AAIAAAAC")) },
  { name: "too many settings", request: head(replaced("HTTP2-Settings", Buffer.alloc(6 * 65).toString("base64url"))) },
]) {
  test(`${name} stays HTTP/1`, () => assert.equal(readUpgrade(request), undefined));
}
