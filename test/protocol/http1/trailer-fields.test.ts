import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFieldLines } from "../../../src/protocol/http1/field-lines.ts";
import { TrailerFields } from "../../../src/protocol/http1/trailer-fields.ts";
import { type GunicornSettings, policyOf } from "./outcome.ts";

function read(section: string, settings: GunicornSettings = {}): string[] {
  const policy = policyOf(settings);
  const trailers = new TrailerFields(policy);
  parseFieldLines(section, policy, trailers);
  return trailers.names.map(({ upper }, index) => `${upper}: ${trailers.values[index]}`);
}

for (const name of ["Host", "Content-Length", "Transfer-Encoding", "Trailer", "Authorization", "TE"]) {
  test(`a trailer must not be ${name} (RFC 9110 §6.5.1)`, () =>
    assert.throws(() => read(`${name}: x\r\n`), { code: "bad-header-name", message: `Invalid HTTP header name: '${name.toUpperCase()}'` }));
}

test("ordinary trailers are kept; Expect and scheme headers mean nothing here", () => {
  assert.deepEqual(read("X-T: 1\r\nExpect: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n").length, 4);
});

test("underscore names fall under header_map, whoever sends them", () => {
  assert.deepEqual(read("SCRIPT_NAME: /a\r\nA: b\r\n"), ["A: b"]);
  assert.deepEqual(read("SCRIPT_NAME: /a\r\n", { header_map: "dangerous" }), ["SCRIPT_NAME: /a"]);
  assert.throws(() => read("SCRIPT_NAME: /a\r\n", { header_map: "refuse" }), { code: "bad-header-name" });
});

test("a repeated Content-Type is refused", () => {
  assert.throws(() => read("Content-Type: a\r\ncontent-type: a\r\n"), { code: "repeated-header" });
});
