import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContentLength } from "../../../src/protocol/http1/content-length.ts";

const ACCEPTED = [
  { value: "0", bytes: 0 },
  { value: "42", bytes: 42 },
  { value: "0005", bytes: 5 },
  { value: "9007199254740991", bytes: Number.MAX_SAFE_INTEGER },
];

for (const { value, bytes } of ACCEPTED) {
  test(`parseContentLength reads ${value}`, () => assert.equal(parseContentLength(value), bytes));
}

const REFUSED = [
  { name: "nothing", value: "" },
  { name: "a plus sign", value: "+1" },
  { name: "a minus sign", value: "-1" },
  { name: "a list", value: "5, 5" },
  { name: "an underscore", value: "1_0" },
  { name: "a blank inside", value: "1 0" },
  { name: "hex", value: "0x5" },
  { name: "a superscript digit, which Python calls numeric", value: "\xb2" },
  { name: "a fraction", value: "1.0" },
  { name: "an exponent", value: "1e3" },
  { name: "2^53, where counting stops being exact", value: "9007199254740992" },
  { name: "a thousand digits", value: "9".repeat(1000) },
];

for (const { name, value } of REFUSED) {
  test(`parseContentLength refuses ${name} (RFC 9110 §8.6)`, () =>
    assert.throws(() => parseContentLength(value), { code: "bad-content-length", message: "Invalid HTTP Header: 'CONTENT-LENGTH'" }));
}
