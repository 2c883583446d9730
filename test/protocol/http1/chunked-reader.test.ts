import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkedReader, parseChunkLine } from "../../../src/protocol/http1/chunked-reader.ts";
import { type GunicornSettings, policyOf } from "./outcome.ts";

/** RFC 9112 §7.1 and §7.1.1; protocols §1.7 */
const LINES = [
  { line: "0", bytes: 0 },
  { line: "000", bytes: 0 },
  { line: "1aF", bytes: 431 },
  { line: `${"0".repeat(100)}5`, bytes: 5 },
  { line: "1fffffffffffff", bytes: Number.MAX_SAFE_INTEGER },
  { line: "5;a", bytes: 5 },
  { line: "5 \t; \ta = b", bytes: 5 },
  { line: '5;a="q\\";\xe9"; b', bytes: 5 },
];

for (const { line, bytes } of LINES) {
  test(`parseChunkLine reads ${JSON.stringify(line)}`, () => assert.equal(parseChunkLine(line), bytes));
}

const REFUSED = [
  { line: "", message: "Invalid chunk size: b''" },
  { line: "g", message: "Invalid chunk size: b'g'" },
  { line: "0x5", message: "Invalid chunk size: b'0x5'" },
  { line: "+5", message: "Invalid chunk size: b'+5'" },
  { line: "-1", message: "Invalid chunk size: b'-1'" },
  { line: "1_0", message: "Invalid chunk size: b'1_0'" },
  { line: " 5", message: "Invalid chunk size: b' 5'" },
  { line: "5 ", message: "Invalid chunk size: b'5 '" },
  { line: "5\n", message: "Invalid chunk size: b'5\\n'" },
  { line: "\xb2", message: "Invalid chunk size: b'\\xb2'" },
  { line: ";a", message: "Invalid chunk size: b''" },
  { line: "20000000000000", message: "Invalid chunk size: b'20000000000000'" },
  { line: "x;a\rb", message: "Invalid chunk extension: bare CR not allowed" },
  { line: "5;", message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;a=", message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;=b", message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;a=b=c", message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;a b", message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;a ", message: "Invalid chunk extension: invalid chunk extension" },
  { line: '5;a="b', message: "Invalid chunk extension: invalid chunk extension" },
  { line: "5;a=\n", message: "Invalid chunk extension: invalid chunk extension" },
];

for (const { line, message } of REFUSED) {
  test(`parseChunkLine refuses ${JSON.stringify(line)}`, () => assert.throws(() => parseChunkLine(line), { code: "bad-chunk", message }));
}

interface Read {
  body: string;
  done: boolean;
  /** Bytes not used. */
  rest: string;
  reader: ChunkedReader;
}

function readAll(text: string, settings: GunicornSettings = {}): Read {
  const reader = new ChunkedReader(policyOf(settings));
  const bytes = Buffer.from(text, "latin1");
  let body = "";
  for (let at = 0; ; ) {
    const next = reader.read(bytes, at, bytes.length);
    body += reader.piece?.latin1Slice() ?? "";
    if (next === at) return { body, done: reader.done, rest: text.slice(at), reader };
    at = next;
  }
}

/** What the reader makes of an input that ends there. */
function end({ reader, rest }: Read): void {
  reader.eof(Buffer.from(rest, "latin1"), 0, rest.length);
}

test("ChunkedReader joins chunks, reads trailers and leaves what follows", () => {
  const { body, done, rest, reader } = readAll("5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-T: 1\r\n\r\nGET /");
  assert.deepEqual({ body, done, rest }, { body: "hello!", done: true, rest: "GET /" });
  assert.deepEqual(reader.trailers.values, ["1"]);
});

test("ChunkedReader gives what has come of a chunk", () => {
  const { body, done, rest } = readAll("5\r\nhel");
  assert.deepEqual({ body, done, rest }, { body: "hel", done: false, rest: "" });
});

for (const { text, seen } of [
  { text: "5\r\nhelloX\r\n", seen: "X\\r" },
  { text: "5\r\nhello\n0\r\n", seen: "\\n0" },
]) {
  test(`a chunk must end in CRLF: ${JSON.stringify(text)}`, () =>
    assert.throws(() => readAll(text), { code: "bad-chunk", message: `Invalid chunk terminator is not '\\r\\n': b'${seen}'` }));
}

test("a chunk line is bounded by limit_request_field_size", () => {
  const settings = { limit_request_field_size: 10 };
  assert.equal(readAll("000000005\r\nhello", settings).body, "hello");
  assert.throws(() => readAll("0000000005\r\nhello", settings), {
    message: "Invalid chunk size: b'line over 10 bytes with no terminator'",
  });
  assert.throws(() => readAll("5;aaaaaaaaa", settings), { message: "Invalid chunk size: b'line over 10 bytes with no terminator'" });
});

test("the trailer section is bounded like a header section", () => {
  const settings = { limit_request_fields: 1, limit_request_field_size: 10 };
  assert.throws(() => readAll(`0\r\n${"X_Y: 1\r\n".repeat(3)}`, settings), {
    code: "headers-too-large",
    message: "limit request trailer section size",
  });
});

test("a bare LF in the trailers is refused", () => assert.throws(() => readAll("0\r\nA: b\n"), { code: "bad-header" }));

for (const text of ["0\r\n", "0\r\nA: b\r\n", "5\r\nhello", "5\r\nhello\r"]) {
  test(`an input that ends behind ${JSON.stringify(text)} was cut by its sender`, () =>
    assert.throws(() => end(readAll(text)), { code: "bad-chunk", message: /^Invalid chunk terminator/ }));
}

for (const text of ["", "5", "5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0"]) {
  test(`an input that ends behind ${JSON.stringify(text)} just broke`, () => assert.doesNotThrow(() => end(readAll(text))));
}
