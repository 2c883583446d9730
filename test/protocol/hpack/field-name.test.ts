import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldName } from "../../../src/protocol/hpack/field-name.ts";
import { headerName } from "../../../src/request/header-name.ts";

for (const { text, kind } of [
  { text: ":method", kind: "method" },
  { text: ":path", kind: "path" },
  { text: ":scheme", kind: "scheme" },
  { text: ":authority", kind: "authority" },
  { text: ":protocol", kind: "protocol" },
  { text: ":status", kind: "malformed" },
  { text: ":Method", kind: "malformed" },
  { text: "", kind: "malformed" },
  { text: "a b", kind: "malformed" },
  { text: "Accept", kind: "malformed" },
  { text: "x:y", kind: "malformed" },
  { text: "connection", kind: "connection-specific" },
  { text: "keep-alive", kind: "connection-specific" },
  { text: "proxy-connection", kind: "connection-specific" },
  { text: "transfer-encoding", kind: "connection-specific" },
  { text: "upgrade", kind: "connection-specific" },
  { text: "te", kind: "te" },
  { text: "cookie", kind: "cookie" },
  { text: "host", kind: "host" },
  { text: "accept", kind: "regular" },
]) {
  test(`${JSON.stringify(text)} is ${kind}`, () => {
    const name = fieldName(text);
    assert.equal(name.kind, kind);
    assert.equal(name.header, text.startsWith(":") || kind === "malformed" ? undefined : headerName(text));
  });
}

test("what is kept is what would be made, also after invented names have filled the table", () => {
  const before = { ...fieldName("accept-language") };
  for (let i = 0; i < 10_000; i += 1) fieldName(`x-invented-${i}`);
  assert.deepEqual({ ...fieldName("accept-language") }, before);
  assert.equal(fieldName("accept-language"), fieldName("accept-language"));
});

test("long names are not kept", () => {
  const long = `x-${"a".repeat(70)}`;
  assert.notEqual(fieldName(long), fieldName(long));
});
