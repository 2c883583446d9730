/**
 * Requests built to be read in two ways: by a proxy in front as one message, by a server behind it as two, or the other
 * way round. Families as in the published work on request smuggling (Watchfire 2005; Kettle, "HTTP Desync Attacks" 2019
 * to 2025; RFC 9112 §11.2): two lengths, a length that hides, a line that ends twice, a chunk that does not.
 */

import fc from "fast-check";

/** What one reader skips, trims or takes for the end, and another does not. */
const NOISE = [
  " ",
  "\t",
  "\x0b",
  "\x0c",
  "\0",
  "\r",
  "\n",
  "\r\n ",
  "\r\n\t",
  "\r\n",
  "\n ",
  "\x1f",
  "\x7f",
  "\x85",
  "\xa0",
  "\xad",
  "\xff",
  ",",
  ";",
  ":",
  '"',
  "'",
  "_",
  "-",
  "+",
  "0",
  "x",
  "\\",
  "(",
];
const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

/** A field with something in one of the places where readers differ. */
interface Framing {
  readonly name: string;
  readonly value: string;
}

const lengthName = fc.constantFrom("Content-Length", "content-length", "CONTENT-LENGTH", "Content_Length");
const codingName = fc.constantFrom("Transfer-Encoding", "transfer-encoding", "Transfer_Encoding", "TRANSFER-ENCODING");
const codingValue = fc.oneof(
  { weight: 4, arbitrary: fc.constant("chunked") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "Chunked",
      "CHUNKED",
      "gzip, chunked",
      "identity",
      "chunked, identity",
      "identity, chunked",
      "chunked, chunked",
      "xchunked",
      "chunked;q=1",
      '"chunked"',
      "chunked,",
      ",chunked",
      "cow",
      "",
      "gzip",
      "deflate,chunked",
      "chunke",
    ),
  },
);

/** @param bodyBytes  What follows the head; lengths are at, around and far from it. */
function lengthValue(bodyBytes: number): fc.Arbitrary<string> {
  const near = fc.integer({ min: -2, max: 2 }).map((offset) => String(Math.max(0, bodyBytes + offset)));
  const odd = fc.constantFrom(
    "0",
    "00",
    "4",
    "6",
    `0${bodyBytes}`,
    `+${bodyBytes}`,
    `-${bodyBytes}`,
    `0x${bodyBytes.toString(16)}`,
    `${bodyBytes}, ${bodyBytes}`,
    `${bodyBytes},`,
    `${bodyBytes}.0`,
    `${bodyBytes}e0`,
    "4_2",
    "\xb2",
    "9007199254740993",
  );
  return fc.oneof({ weight: 3, arbitrary: fc.constant(String(bodyBytes)) }, { weight: 2, arbitrary: near }, { weight: 2, arbitrary: odd });
}

/** Puts noise into one place of a field line, or leaves it sound. */
function fieldLine(field: fc.Arbitrary<Framing>): fc.Arbitrary<string> {
  const place = fc.oneof(
    { weight: 7, arbitrary: fc.constant("sound") },
    { weight: 3, arbitrary: fc.constantFrom("before", "in name", "after name", "before value", "in value", "after value", "end") },
  );
  return fc.tuple(field, place, fc.constantFrom(...NOISE), fc.nat(20)).map(([{ name, value }, where, noise, at]) => {
    const cut = (text: string) => [text.slice(0, at % (text.length + 1)), text.slice(at % (text.length + 1))] as const;
    switch (where) {
      case "before":
        return `${noise}${name}: ${value}\r\n`;
      case "in name":
        return `${cut(name).join(noise)}: ${value}\r\n`;
      case "after name":
        return `${name}${noise}: ${value}\r\n`;
      case "before value":
        return `${name}:${noise}${value}\r\n`;
      case "in value":
        return `${name}: ${cut(value).join(noise)}\r\n`;
      case "after value":
        return `${name}: ${value}${noise}\r\n`;
      case "end":
        return `${name}: ${value}${noise === "\r\n" ? "\n" : noise}`;
      default:
        return `${name}: ${value}\r\n`;
    }
  });
}

/** Chunk lines whose end, size or extension is read differently. */
const chunkLine = fc
  .tuple(
    fc.constantFrom(
      "5",
      "05",
      "5;",
      "5;a",
      "5 ;a=b",
      '5;a="\n"',
      '5;a="\r\n"',
      "5;\n",
      "5\t",
      "5\x0b",
      "0x5",
      "5;a\r",
      "5,",
      "5;a=b;",
      "00000000000000005",
      "100000005",
      "-5",
      "5 \r",
    ),
    fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\n\r\n"),
  )
  .map((parts) => parts.join(""));
const soundChunk = fc.constant("5\r\nhello\r\n");
const oddChunk = fc
  .tuple(chunkLine, fc.constantFrom("hello", "hell", "hello\n", "helloX"), fc.constantFrom("\r\n", "\r\n", "\n", "\r", ""))
  .map((parts) => parts.join(""));
const lastChunk = fc
  .tuple(
    fc.constantFrom("0", "0", "0", "000", "0;a", "0 ", "0\t;a", "0\n"),
    fc.constant("\r\n"),
    fc.constantFrom(
      "",
      "",
      "",
      "X: y\r\n",
      "Content-Length: 44\r\n",
      "Transfer-Encoding: chunked\r\n",
      "X: y\n",
      "Host: evil\r\n",
      "X\r\n",
      " X: y\r\n",
      "X: y\r\n z\r\n",
      "X-: \r\n",
    ),
    fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r", "X\r\n", ""),
  )
  .map((parts) => parts.join(""));
const body = fc.oneof(
  { weight: 2, arbitrary: fc.constant(HIDDEN) },
  { weight: 2, arbitrary: fc.constant(`0\r\n\r\n${HIDDEN}`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.array(fc.oneof(soundChunk, oddChunk), { maxLength: 3 }), lastChunk)
      .map(([chunks, last]) => chunks.join("") + last),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "hello", "\r\n", "5\r\nhello\r\n0") },
);

const requestLine = fc.oneof(
  { weight: 8, arbitrary: fc.constant("POST / HTTP/1.1\r\n") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "GET / HTTP/1.1\r\n",
      "POST / HTTP/1.0\r\n",
      "HEAD / HTTP/1.1\r\n",
      "OPTIONS * HTTP/1.1\r\n",
      "CONNECT h:80 HTTP/1.1\r\n",
      "POST http://other/ HTTP/1.1\r\n",
      "POST / HTTP/1.1 \r\n",
      "POST / HTTP/1.1\n",
      "POST / HTTP/1.1\rX: ",
      "POST /\r\n",
      "TRACE / HTTP/1.1\r\n",
      "POST /\tHTTP/1.1\r\n",
    ),
  },
);
const otherLine = fc.constantFrom(
  "Host: h\r\n",
  "Host: h\r\n",
  "X: y\r\n",
  "Expect: 100-continue\r\n",
  "Connection: close\r\n",
  "Connection: content-length\r\n",
  "Connection: Transfer-Encoding, close\r\n",
  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
  "Host: evil\r\nX-Ignore: x\r\n",
  " Host: folded\r\n",
  "X-A: b\r\n\tContent-Length: 5\r\n",
  "X-A: b\rContent-Length: 5\r\n",
  "TE: trailers\r\n",
  "Trailer: Content-Length\r\n",
);

/** One smuggling attempt, with a request behind it that the front would have sent for somebody else. */
export const smugglingBytes: fc.Arbitrary<string> = body.chain((content) => {
  const length = fc.record({ name: lengthName, value: lengthValue(content.length) });
  const coding = fc.record({ name: codingName, value: codingValue });
  const framing = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.oneof(fieldLine(length), fieldLine(coding))) },
    { weight: 2, arbitrary: fc.array(fc.oneof(fieldLine(length), fieldLine(coding)), { minLength: 2, maxLength: 3 }) },
  );
  const others = fc.array(otherLine, { maxLength: 2 });
  const behind = fc.constantFrom("GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "", HIDDEN, "\r\nGET /next HTTP/1.1\r\n\r\n");
  return fc
    .tuple(requestLine, others, framing, others, fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", " \r\n"), behind)
    .map(([line, before, fields, after, empty, next]) => [line, ...before, ...fields, ...after, empty, content, next].join(""));
});
