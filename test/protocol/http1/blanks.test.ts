import assert from "node:assert/strict";
import { test } from "node:test";
import { isBlank, trimBlanks, trimBlanksEnd } from "../../../src/protocol/http1/blanks.ts";

const TRIMMED = [
  { text: "", trimmed: "" },
  { text: " \t ", trimmed: "" },
  { text: "\t a\tb \t", trimmed: "a\tb" },
  { text: "\x0ba\x0c", trimmed: "\x0ba\x0c" },
  { text: "\xa0a\x85", trimmed: "\xa0a\x85" },
];

for (const { text, trimmed } of TRIMMED) {
  test(`trimBlanks(${JSON.stringify(text)}) takes SP and HTAB only (RFC 9110 §5.6.3)`, () => assert.equal(trimBlanks(text), trimmed));
}

test("trimBlanks looks at the given part only", () => assert.equal(trimBlanks("a: b :c", 2, 5), "b"));

test("trimBlanksEnd leaves the start alone", () => assert.equal(trimBlanksEnd(" \ta \t"), " \ta"));

test("isBlank is false behind the end of a string", () => assert.equal(isBlank("".charCodeAt(0)), false));
