import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestLine } from "../../../src/protocol/http1/request-line.ts";
import { policyOf } from "./outcome.ts";

const DEFAULT = policyOf({});

test("parseRequestLine gives all parts of the line", () => {
  assert.deepEqual(parseRequestLine("GET /a%20b%c3%a9?x=%31#f HTTP/1.1", DEFAULT), {
    method: "GET",
    target: "/a%20b%c3%a9?x=%31#f",
    rawPath: "/a%20b%c3%a9",
    path: "/a b\xc3\xa9",
    query: "x=%31",
    protocol: "HTTP/1.1",
    version: 11,
  });
});

/** protocols §1.2, by the number of the check. */
const ACCEPTED = [
  { name: "OPTIONS * (9)", line: "OPTIONS * HTTP/1.1", settings: {} },
  { name: "CONNECT with an authority (10)", line: "CONNECT h:443 HTTP/1.1", settings: {} },
  { name: "absolute form (10)", line: "GET http://h/ HTTP/1.1", settings: {} },
  { name: "20 letters (4)", line: `${"A".repeat(20)} / HTTP/1.1`, settings: {} },
  { name: "marks of a token (5)", line: "!$%&'*+-.^_`|~ / HTTP/1.1", settings: {} },
  { name: "lower case when permitted (4)", line: "get / HTTP/1.1", settings: { permit_unconventional_http_method: true } },
  { name: "HTTP/1.9 (13)", line: "GET / HTTP/1.9", settings: {} },
  { name: "HTTP/0.9 when permitted (13)", line: "GET / HTTP/0.9", settings: { permit_unconventional_http_version: true } },
];

for (const { name, line, settings } of ACCEPTED) {
  test(`parseRequestLine accepts ${name}`, () => {
    const parsed = parseRequestLine(line, policyOf(settings));
    assert.equal(`${parsed.method} ${parsed.target} ${parsed.protocol}`, line);
  });
}

test("casefold_http_method turns a permitted method into capitals (6)", () => {
  const policy = policyOf({ permit_unconventional_http_method: true, casefold_http_method: true });
  assert.equal(parseRequestLine("patch / HTTP/1.1", policy).method, "PATCH");
});

const REFUSED = [
  { name: "an empty line (3)", line: "", code: "bad-request-line" },
  { name: "two parts, HTTP/0.9's form (3)", line: "GET /", code: "bad-request-line" },
  { name: "two spaces after the method (8)", line: "GET  / HTTP/1.1", code: "bad-request-line" },
  { name: "a space in the target (12)", line: "GET /a b HTTP/1.1", code: "bad-version" },
  { name: "lower case (4)", line: "get / HTTP/1.1", code: "bad-method" },
  { name: "# in the method (4)", line: "GE#T / HTTP/1.1", code: "bad-method" },
  { name: "a method of 2 letters (4)", line: "GE / HTTP/1.1", code: "bad-method" },
  { name: "a method of 21 letters (4)", line: `${"A".repeat(21)} / HTTP/1.1`, code: "bad-method" },
  { name: "no token (5)", line: "G@TT / HTTP/1.1", code: "bad-method" },
  { name: "an 8-bit method (5)", line: "G\xc9T / HTTP/1.1", code: "bad-method" },
  { name: "an 8-bit target (7)", line: "GET /\xe9 HTTP/1.1", code: "bad-request-line" },
  { name: "DEL in the target (7)", line: "GET /\x7f HTTP/1.1", code: "bad-request-line" },
  { name: "a bare CR in the target (7)", line: "GET /\r HTTP/1.1", code: "bad-request-line" },
  { name: "* with GET (9)", line: "GET * HTTP/1.1", code: "bad-request-line" },
  { name: "a relative target (10)", line: "GET foo HTTP/1.1", code: "bad-request-line" },
  { name: "unbalanced brackets (11)", line: "GET http://[::1/ HTTP/1.1", code: "bad-request-line" },
  { name: "a lower-case version (12)", line: "GET / http/1.1", code: "bad-version" },
  { name: "two digits (12)", line: "GET / HTTP/1.10", code: "bad-version" },
  { name: "a trailing space (12)", line: "GET / HTTP/1.1 ", code: "bad-version" },
  { name: "a trailing CR (12)", line: "GET / HTTP/1.1\r", code: "bad-version" },
  { name: "HTTP/2's preface (9)", line: "PRI * HTTP/2.0", code: "bad-request-line" },
  { name: "HTTP/2.0 (13)", line: "GET / HTTP/2.0", code: "bad-version" },
];

for (const { name, line, code } of REFUSED) {
  test(`parseRequestLine refuses ${name}`, () => assert.throws(() => parseRequestLine(line, DEFAULT), { code }));
}

test("a method that is no token is refused even when unconventional ones are permitted (5)", () => {
  assert.throws(() => parseRequestLine("G@T / HTTP/1.1", policyOf({ permit_unconventional_http_method: true })), { code: "bad-method" });
});
