import assert from "node:assert/strict";
import { test } from "node:test";
import { distinguishedName } from "../../src/gateway/tls-facts.ts";

for (const [lines, name] of [
  ["CN=me", "CN=me"],
  ["C=CH\nO=A\\, B\nCN=me", "CN=me,O=A\\, B,C=CH"],
] as const) {
  test(`distinguishedName: ${name}`, () => assert.equal(distinguishedName(lines), name));
}
