/** Requests as an attacker would write them: mostly sound, with one thing wrong here and there, so that every rule is reached. */

import fc from "fast-check";
import type { GunicornSettings } from "./outcome.ts";

/** Settings that change what is accepted; small limits, so that generated requests meet them. */
export const SETTINGS: readonly GunicornSettings[] = [
  {},
  {},
  { limit_request_line: 30 },
  { limit_request_line: 0, limit_request_fields: 3 },
  { limit_request_field_size: 40 },
  { limit_request_field_size: 40, permit_obsolete_folding: true, limit_request_fields: 2 },
  { permit_obsolete_folding: true },
  { strip_header_spaces: true },
  { permit_unconventional_http_method: true },
  { permit_unconventional_http_method: true, casefold_http_method: true },
  { permit_unconventional_http_version: true },
  { header_map: "refuse" },
  { header_map: "dangerous" },
  { forwarder_headers: "*" },
  { forwarder_headers: "REMOTE_USER", header_map: "refuse" },
];

const METHODS = [
  "GET",
  "POST",
  "PUT",
  "HEAD",
  "OPTIONS",
  "CONNECT",
  "PROPFIND",
  "get",
  "Ge",
  "G",
  "GE#T",
  "G@T",
  "A".repeat(20),
  "A".repeat(21),
  "",
  "M-SEARCH",
];
const TARGETS = [
  "/",
  "/a%20b%c3%a9?x=1#f",
  "/a?b?c#d?e",
  "//a//b/../c;p",
  "/%zz%2f%00%e9%",
  "*",
  "",
  "foo",
  "#x",
  "?q",
  "/#f?g",
  "h:443",
  "[::1]:443",
  "1.2.3.4:80",
  "http://h",
  "http://u:p@h:8080/foo%41?q",
  "http://[::1]/p",
  "http://[::1",
  "http://::1]/",
  "http://[1.2.3.4]/",
  "http://[v1.x]/",
  "http://[v.]/",
  "http://[fe80::1%25eth0]/",
  "http://a[::1]b/x",
  "http:x://y",
  "a?b://c",
  "1http://x/y",
  "HTTP://h/%7e",
  "/\x7f",
  "/\xe9",
  "/a\tb",
  "/a b",
  "/[",
  "//[",
  "x://[",
  "://",
  "/a\rb",
];
const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/1.9",
  "HTTP/2.0",
  "HTTP/0.9",
  "http/1.1",
  "HTTP/1.10",
  "HTTP/11",
  "HTTP/1.",
  "HTTP/1.1 ",
  " HTTP/1.1",
  "HTTP/\xb2.1",
  "",
  "HTP/1.1",
  "HTTP/1.1\r",
];
const LINE_ENDS = ["\n", "\r", "\r\r\n", "\n\r", "\r\n\r\n", ""];
const SOUND_FIELDS = [
  "Host: example.com",
  "User-Agent: x/1",
  "Accept: */*",
  "Cookie: a=b; c=d",
  "X-Forwarded-For: 192.0.2.1",
  "X-Forwarded-Proto: https",
  "A:  \t b \t ",
  "A: \xe9\xa0",
  "SCRIPT_NAME: /a",
  "X_Y: 1",
  "REMOTE_USER: root",
  "Expect: 100-continue",
  "Content-Type: text/plain",
];
const FIELDS = [
  "Host: example.com",
  "host: b",
  "Content-Type: text/plain",
  "CONTENT-TYPE: a/b",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: Close",
  "Content-Length: 5",
  "Content-Length: 0",
  "Content-Length: 05",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length: ",
  "Content-Length: \xb2",
  "Content-Length: 0x5",
  "content-length:\t3\t",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: Chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, gzip",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding: chunked,identity",
  "Transfer-Encoding: xchunked",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: chunked,",
  "Transfer-Encoding: ",
  "Transfer-Encoding: \x0bchunked",
  "Transfer-Encoding: gzip",
  "Expect: 100-continue",
  "Expect: 100-Continue",
  "Expect: 200-ok",
  "Expect:",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Ssl: on",
  "X-Forwarded-Protocol: ssl",
  "X-Forwarded-Protocol: SSL",
  "X_Forwarded_Proto: https",
  "SCRIPT_NAME: /a",
  "script_name: /b",
  "Script-Name: /c",
  "PATH_INFO: /d",
  "REMOTE_USER: root",
  "X_Y: 1",
  "Host_: x",
  "A: b",
  "A:",
  "A:b\tc",
  "A:  \t b \t ",
  "A : b",
  "A\t: b",
  " A: b",
  "\tc",
  " folded",
  "  ",
  ":b",
  "A",
  "",
  "A\x00: b",
  "A\xe9: b",
  "\xdf: b",
  "(A): b",
  "A: \x00",
  "A: \x7f",
  "A: \xe9\xa0",
  "A: a\rb",
  "A: a\nb",
  "A: 'q\"",
  "A: it's",
  `A: ${"x".repeat(35)}`,
  `A: ${"x".repeat(36)}`,
  `A: ${"x".repeat(60)}`,
];
const CHUNK_LINES = [
  "5",
  "005",
  "A",
  "a",
  "0",
  "00",
  "",
  "5;a",
  "5 ;a=b",
  '5\t; a = "q\\"\xe9" ;b',
  "5;",
  "5;a=",
  "5 ",
  " 5",
  "0x5",
  "+5",
  "5_0",
  "5;a\rb",
  "5;a=b=c",
  "5;=b",
  "5;a b",
  '5;a="',
  "g",
  "-1",
  "5\n",
  "\xff",
  "'",
  `5;${"x".repeat(45)}`,
  `${"0".repeat(39)}5`,
  `${"0".repeat(38)}5`,
];
const CHUNK_DATA = ["hello", "0123456789", "hell", "", "a\r\nb"];
const TRAILERS = [
  "",
  "X-T: 1\r\n",
  "Host: h\r\n",
  "TE: x\r\nA: b\r\n",
  "Content-Type: a\r\nContent-Type: b\r\n",
  "X_T: 1\r\n",
  "SCRIPT_NAME: /x\r\n",
  "Expect: foo\r\n",
  "a\r\n",
  "A: b\n",
  " A: b\r\n",
  "A: b\r\n c\r\n",
  "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n",
  "X-Forwarded-Proto: http\r\n",
  `A: ${"y".repeat(60)}\r\n`,
  `X_A: ${"y".repeat(30)}\r\nX_B: ${"y".repeat(30)}\r\nX_C: ${"y".repeat(30)}\r\n`,
];

/** Mostly the first, sometimes one of the rest. */
function mostly(first: string, rest: readonly string[], weight = 6): fc.Arbitrary<string> {
  return fc.oneof({ weight, arbitrary: fc.constant(first) }, { weight: 1, arbitrary: fc.constantFrom(...rest) });
}

const lineEnd = mostly("\r\n", LINE_ENDS, 150);
const space = mostly(" ", ["  ", "\t", ""], 150);
const requestLine = fc
  .tuple(mostly("GET", METHODS, 12), space, mostly("/a", TARGETS, 3), space, mostly("HTTP/1.1", VERSIONS, 12), lineEnd)
  .map((parts) => parts.join(""));
const field = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...SOUND_FIELDS) }, { weight: 1, arbitrary: fc.constantFrom(...FIELDS) });
const fields = fc
  .array(
    fc.tuple(field, lineEnd).map((parts) => parts.join("")),
    { maxLength: 5 },
  )
  .map((lines) => lines.join(""));
const chunk = fc.tuple(mostly("5", CHUNK_LINES, 5), lineEnd, mostly("hello", CHUNK_DATA, 12), lineEnd).map((parts) => parts.join(""));
const chunkedBody = fc
  .tuple(fc.array(chunk, { maxLength: 3 }), mostly("0", CHUNK_LINES, 10), lineEnd, mostly("", TRAILERS, 2), lineEnd)
  .map(([chunks, ...last]) => chunks.join("") + last.join(""));
const body = fc.oneof(fc.constant(""), fc.constant("hello"), chunkedBody);
/** A field that frames the body which follows, so that bodies are reached often enough. */
const framedBody = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant(""), body) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("Transfer-Encoding: chunked\r\n"), chunkedBody) },
  { weight: 1, arbitrary: fc.constant(["Content-Length: 5\r\n", "hello"] as [string, string]) },
);
const request = fc
  .tuple(mostly("", ["\r\n", "\r\n\r\n", "\n", "\r"], 20), requestLine, framedBody, fields, lineEnd)
  .map(([before, line, [framing, content], others, empty]) => before + line + framing + others + empty + content);

type Mutation = { kind: "replace" | "insert" | "delete" | "cut"; at: number; byte: number };
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("replace" as const, "insert" as const, "delete" as const, "cut" as const),
  at: fc.nat(1000),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 9, 10, 13, 32, 48, 58, 59)),
});

function mutate(text: string, { kind, at, byte }: Mutation): string {
  const place = at % (text.length + 1);
  if (kind === "cut") return text.slice(0, place);
  const inserted = kind === "delete" ? "" : String.fromCharCode(byte);
  return text.slice(0, place) + inserted + text.slice(kind === "insert" ? place : place + 1);
}

/** One to three requests behind one another, as latin-1 text, sometimes with random damage. */
export const hostileBytes: fc.Arbitrary<string> = fc
  .tuple(fc.array(request, { minLength: 1, maxLength: 3 }), fc.array(mutation, { maxLength: 2 }), fc.boolean())
  .map(([requests, mutations, damaged]) => (damaged ? mutations : []).reduce(mutate, requests.join("")));
