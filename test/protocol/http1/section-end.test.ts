import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findSectionEnd, findWholeSectionEnd } from "../../../src/protocol/http1/section-end.ts";

const LIMIT = "max buffer headers";
const limit = (bytesMax: number, wholeBytesMax = bytesMax) => ({ bytesMax, wholeBytesMax, name: LIMIT });
const find = (text: string, bytesMax = 100, wholeBytesMax = bytesMax) =>
  findSectionEnd(Buffer.from(text, "latin1"), 0, 0, text.length, limit(bytesMax, wholeBytesMax));

const FOUND = [
  { name: "no lines at all", text: "\r\n", end: 2 },
  { name: "one line", text: "A: b\r\n\r\n", end: 8 },
  { name: "bytes behind it", text: "A: b\r\n\r\nbody\n", end: 8 },
  { name: "nothing yet", text: "", end: -1 },
  { name: "half of the last CRLF", text: "A: b\r\n\r", end: -1 },
  { name: "a bare CR inside a line", text: "A: \r\r\nB: c\r\n\r\n", end: 14 },
];

for (const { name, text, end } of FOUND) {
  test(`findSectionEnd: ${name}`, () => assert.equal(find(text), end));
}

for (const text of ["\n", "A: b\n", "A: b\r\n\n", "A: b\nC: d\r\n\r\n"]) {
  test(`findSectionEnd refuses the bare LF in ${JSON.stringify(text)} (RFC 9112 §2.2)`, () =>
    assert.throws(() => find(text), { code: "bad-header", message: "Invalid HTTP Header: 'bare LF as line terminator'" }));
}

test("findSectionEnd takes a section as long as the limit and refuses one byte more", () => {
  assert.equal(find("A: b\r\n\r\n", 8), 8);
  assert.throws(() => find("A: b\r\n\r\n", 7), { code: "headers-too-large", message: LIMIT });
  assert.equal(find("12345678", 8), -1);
  assert.throws(() => find("123456789", 8), { code: "headers-too-large", message: LIMIT });
});

test("findSectionEnd grants a byte more to a section that ends with it, as Gunicorn does to trailers", () => {
  assert.equal(find("A: b\r\n\r\n", 7, 8), 8);
  assert.throws(() => find("A: bc\r\n\r\n", 7, 8), { code: "headers-too-large" });
  assert.throws(() => find("A: b\r\n\rx", 7, 8), { code: "headers-too-large" });
  assert.throws(() => find("A: b\r\nx\n", 7, 8), { code: "headers-too-large" });
});

test("findSectionEnd names what comes first: the limit or the bare LF", () => {
  assert.throws(() => find("1234\n6789", 5), { code: "bad-header" });
  assert.throws(() => find("1234\n6789", 4), { code: "headers-too-large" });
});

test("findSectionEnd goes on where the last search stopped", () => {
  const bytes = Buffer.from("xxA: b\r\n\r\n", "latin1");
  for (let seen = 2; seen < bytes.length; seen += 1) {
    assert.equal(findSectionEnd(bytes, 2, 2, seen, limit(100)), -1);
    assert.equal(findSectionEnd(bytes, 2, seen, bytes.length, limit(100)), bytes.length);
  }
});

test("findWholeSectionEnd finds what findSectionEnd finds, where it is sure", () => {
  let found = 0;
  const pieces = fc.array(fc.constantFrom("A: b", "\r\n", "\r\n\r\n", "\r", "x", "\n"), { maxLength: 12 });
  const property = fc.property(pieces, fc.nat(40), fc.nat(40), fc.nat(3), (texts, bytesMax, wholeBytesMax, behind) => {
    const bytes = Buffer.from(`xx${texts.join("")}`, "latin1");
    const end = Math.max(2, bytes.length - behind);
    const bounds = limit(bytesMax, wholeBytesMax);
    const whole = findWholeSectionEnd(bytes, 2, end, bounds);
    if (whole < 0) return;
    try {
      assert.equal(findSectionEnd(bytes, 2, 2, end, bounds), whole);
      found++;
    } catch (error) {
      assert.equal((error as Error).message, "Invalid HTTP Header: 'bare LF as line terminator'");
    }
  });
  fc.assert(property, { numRuns: 3000 });
  assert.ok(found > 50, `${found} were found`);
});
