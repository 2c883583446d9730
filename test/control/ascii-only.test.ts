import assert from "node:assert/strict";
import { test } from "node:test";
import { asciiOnly } from "../../src/control/ascii-only.ts";

const CASES: readonly (readonly [string, string])[] = [
  ["/report?a=b%20c ~", "/report?a=b%20c ~"],
  ["/a\x1b[2Jb", "/a\\x1b[2Jb"],
  ["a\tb\r\n\0", "a\\x09b\\x0d\\x0a\\x00"],
  ["\x7f\x9b", "\\x7f\\x9b"],
  ["café", "caf\\xe9"],
  ["店", "\\u{5e97}"],
  ["😀", "\\u{1f600}"],
  ["\ud800", "\\u{d800}"],
  ["", ""],
];

for (const [text, shown] of CASES) test(`${JSON.stringify(text)} is shown as ${shown}`, () => assert.equal(asciiOnly(text), shown));
