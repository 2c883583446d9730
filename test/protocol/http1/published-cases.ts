/**
 * What the tests of two other HTTP/1 parsers ask, put in our own words and bytes: which inputs are requests, and which are not.
 *
 *   llhttp  https://github.com/nodejs/llhttp, test/request/*.md, MIT: the parser of Node
 *   h11     https://github.com/python-hyper/h11, h11/tests/test_io.py, test_headers.py and test_connection.py, MIT: uvicorn's
 *
 * Each is also held against Gunicorn (published-cases.test.ts). Where we answer otherwise than the other parser, `why` says so.
 */

export interface PublishedCase {
  readonly from: "llhttp" | "h11";
  readonly name: string;
  /** Latin-1. */
  readonly bytes: string;
  /** What the other parser makes of it without its lenient flags. */
  readonly there: "accepted" | "refused";
  /** Requests that we serve. */
  readonly served: number;
  /** Status of our refusal behind them; undefined when there is none. */
  readonly refused?: number;
  /** Given where one of us accepts what the other refuses. */
  readonly why?: string;
}

const llhttp = { from: "llhttp" } as const;
const h11 = { from: "h11" } as const;
const accepted = { there: "accepted", served: 1 } as const;
const refused = { there: "refused", served: 0, refused: 400 } as const;

/** A request whose head has these lines, each without its CRLF. */
function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A chunked request with this body. */
function chunked(body: string): string {
  return head("PUT /url HTTP/1.1", "Host: h", "Transfer-Encoding: chunked") + body;
}

const FOLDING = "folded lines are refused unless permit_obsolete_folding is set (RFC 9112 §5.2 allows both)";
const EVERY_METHOD = "any token is a method: the application knows its own";
const NO_METHOD_LIST = "the method is not compared with the protocol";

export const PUBLISHED: readonly PublishedCase[] = [
  // sample.md
  { ...llhttp, ...accepted, name: "a tab before a value", bytes: head("OPTIONS /url HTTP/1.1", "Header1: Value1", "Header2:\t Value2") },
  { ...llhttp, ...accepted, name: "a method that starts with H", bytes: head("HEAD /url HTTP/1.1") },
  {
    ...llhttp,
    ...accepted,
    name: "a name of letters only, a value of marks",
    bytes: head("GET /dumbpack HTTP/1.1", "aaaaaaaaaaaaa:++++++++++"),
  },
  { ...llhttp, ...accepted, name: "no fields", bytes: head("GET /get_no_headers_no_body/world HTTP/1.1") },
  { ...llhttp, ...accepted, name: "HTTP/1.0 with fields", bytes: head("GET /test HTTP/1.0", "Host: 0.0.0.0:5000", "Accept: */*") },
  { ...llhttp, ...accepted, name: "an empty line first", bytes: `\r\n${head("GET /test HTTP/1.1")}` },
  {
    ...llhttp,
    ...accepted,
    name: "no version",
    bytes: head("GET /"),
    served: 0,
    refused: 400,
    why: "HTTP/0.9 has no fields and no length: nobody in front speaks it",
  },
  { ...llhttp, ...refused, name: "values folded with LF", bytes: "GET / HTTP/1.1\r\nLine1:   abc\n\tdef\n ghi\n\n" },
  { ...llhttp, ...refused, name: "CR for CRLF behind the version", bytes: "GET / HTTP/1.1\rLine: 1\r\n\r\n" },
  { ...llhttp, ...accepted, name: "8 bits in a value", bytes: head("GET / HTTP/1.1", "Test: D\xc3\xbcsseldorf") },
  { ...llhttp, ...accepted, name: "0xFF in a value", bytes: head("OPTIONS /url HTTP/1.1", "Header1: Value1", "Header2: \xffValue2") },
  // invalid.md
  { ...llhttp, ...refused, name: "ICE", bytes: head("GET /music/sweet/music ICE/1.0", "Host: example.com") },
  { ...llhttp, ...refused, name: "IHTTP", bytes: head("GET /music/sweet/music IHTTP/1.0", "Host: example.com") },
  { ...llhttp, ...refused, name: "RTSP", bytes: head("PUT /music/sweet/music RTSP/1.0", "Host: example.com") },
  {
    ...llhttp,
    ...accepted,
    there: "refused",
    name: "RTSP's ANNOUNCE by HTTP",
    bytes: head("ANNOUNCE /music/sweet/music HTTP/1.0", "Host: example.com"),
    why: NO_METHOD_LIST,
  },
  { ...llhttp, ...refused, name: "fields separated by CR", bytes: head("GET / HTTP/1.1", "Foo: 1\rBar: 2") },
  {
    ...llhttp,
    ...refused,
    name: "fields separated by LF, framing hidden",
    bytes: `${head("POST / HTTP/1.1", "Host: localhost:5000", "x:x\nTransfer-Encoding: chunked")}1\r\nA\r\n0\r\n\r\n`,
  },
  {
    ...llhttp,
    ...refused,
    name: "CR and a letter where the head should end",
    bytes: head("GET / HTTP/1.1", "Connection: close", "Host: a", "\rZGET /evil: HTTP/1.1", "Host: a"),
  },
  {
    ...llhttp,
    ...refused,
    name: "an empty value ended by CR",
    bytes: `${head("POST / HTTP/1.1", "Host: localhost:5000", "x:\rTransfer-Encoding: chunked")}1\r\nA\r\n0\r\n\r\n`,
  },
  {
    ...llhttp,
    ...refused,
    name: "an empty value ended by LF",
    bytes: `${head("POST / HTTP/1.1", "Host: localhost:5000", "x:\nTransfer-Encoding: chunked")}1\r\nA\r\n0\r\n\r\n`,
  },
  { ...llhttp, ...refused, name: "@ in a name", bytes: head("GET / HTTP/1.1", "Fo@: Failure") },
  { ...llhttp, ...refused, name: "a control character in a name", bytes: head("GET / HTTP/1.1", "Foo\x01test: Bar") },
  { ...llhttp, ...refused, name: "an empty name", bytes: head("GET / HTTP/1.1", ": Bar") },
  { ...llhttp, ...accepted, there: "refused", name: "a method nobody registered", bytes: head("MKCOLA / HTTP/1.1"), why: EVERY_METHOD },
  { ...llhttp, ...refused, name: "a name folded before its colon", bytes: head("GET / HTTP/1.1", "name", " : value") },
  {
    ...llhttp,
    ...refused,
    name: "a Connection field with a CR in its name",
    bytes: head("GET / HTTP/1.1", "Connection\r\x1b5\xd5eep-Alive", "A: b"),
  },
  {
    ...llhttp,
    ...refused,
    name: "a Content-Length behind a bare LF, and a request behind that",
    bytes:
      head("GET / HTTP/1.1", "Host: localhost", "Dummy: x\nContent-Length: 23") +
      head("GET / HTTP/1.1", "Dummy: GET /admin HTTP/1.1", "Host: localhost"),
  },
  { ...llhttp, ...refused, name: "HTTP/5.6", bytes: head("GET / HTTP/5.6") },
  { ...llhttp, ...refused, name: "a blank before the first name", bytes: head("GET / HTTP/1.1", " Host: foo") },
  { ...llhttp, ...refused, name: "LF only", bytes: "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n1\nA\n0\n\n" },
  {
    ...llhttp,
    ...refused,
    name: "a blank before Content-Length",
    bytes:
      head("POST /hello HTTP/1.1", "Host: localhost", "Foo: bar", " Content-Length: 38") + head("GET /bye HTTP/1.1", "Host: localhost"),
  },
  // transfer-encoding.md
  { ...llhttp, ...accepted, name: "a lower-case chunk size", bytes: chunked("a\r\n0123456789\r\n0\r\n\r\n") },
  { ...llhttp, ...accepted, name: "an upper-case chunk size", bytes: chunked("A\r\n0123456789\r\n0\r\n\r\n") },
  { ...llhttp, ...accepted, name: "a last chunk of three zeros", bytes: chunked("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n") },
  { ...llhttp, ...accepted, name: "trailers", bytes: chunked("5\r\nhello\r\n0\r\nVary: *\r\nContent-Type: text/plain\r\n\r\n") },
  { ...llhttp, ...accepted, name: "chunk extensions", bytes: chunked("5;ilovew3;some=are;another=withvalue\r\nhello\r\n0;blah\r\n\r\n") },
  { ...llhttp, ...refused, served: 1, name: "an extension without its semicolon", bytes: chunked("2 erfrferferf\r\naa\r\n0 rrrr\r\n\r\n") },
  { ...llhttp, ...refused, served: 1, name: "a semicolon without an extension", bytes: chunked("2;\r\naa\r\n0\r\n\r\n") },
  {
    ...llhttp,
    ...accepted,
    name: "a quoted extension",
    bytes: chunked('5;a="I \\"love\\"; \\\\extensions\\\\";b="c";d\r\nhello\r\n0\r\n\r\n'),
  },
  { ...llhttp, ...refused, served: 1, name: "a quote that does not end", bytes: chunked('5;a="abc";b="def; ghi\r\nhello\r\n0\r\n\r\n') },
  { ...llhttp, ...refused, refused: 501, name: "pigeons", bytes: head("PUT /url HTTP/1.1", "Transfer-Encoding: pigeons") },
  {
    ...llhttp,
    ...refused,
    name: "identity and a length",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: identity", "Content-Length: 5")}World`,
  },
  {
    ...llhttp,
    ...refused,
    refused: 501,
    name: "three empty codings and a length",
    bytes: `${head("POST / HTTP/1.1", "Content-Length: 10", "Transfer-Encoding:", "Transfer-Encoding:", "Transfer-Encoding:")}2\r\nAA\r\n0\r\n`,
  },
  {
    ...llhttp,
    ...refused,
    name: "deflate behind chunked",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: chunked, deflate")}World`,
  },
  {
    ...llhttp,
    ...refused,
    name: "deflate behind chunked in a field of its own",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: deflate")}World`,
  },
  {
    ...llhttp,
    ...accepted,
    name: "deflate before chunked",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: deflate, chunked")}5\r\nWorld\r\n0\r\n\r\n`,
  },
  {
    ...llhttp,
    ...accepted,
    name: "deflate before chunked in a field of its own",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: deflate", "Transfer-Encoding: chunked")}5\r\nWorld\r\n0\r\n\r\n`,
  },
  {
    ...llhttp,
    ...refused,
    refused: 501,
    name: "chunkedchunked",
    bytes: `${head("POST / HTTP/1.1", "Transfer-Encoding: chunkedchunked")}5\r\nWorld\r\n0\r\n\r\n`,
  },
  { ...llhttp, ...refused, served: 1, name: "no last chunk", bytes: chunked("3\r\nfoo\r\n\r\n") },
  { ...llhttp, ...refused, served: 1, name: "LF and blanks behind the size", bytes: chunked("3 \n  \r\nfoo\r\n\r\n") },
  {
    ...llhttp,
    ...refused,
    name: "a coding folded behind chunked",
    bytes: `${head("PUT /url HTTP/1.1", "Transfer-Encoding: chunked", "  abc")}5\r\nWorld\r\n0\r\n\r\n`,
  },
  { ...llhttp, ...refused, served: 1, name: "CR CR ; behind the size (TERM.EXT)", bytes: chunked("5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n") },
  { ...llhttp, ...refused, served: 1, name: "chunk data without its CRLF", bytes: chunked("5\r\nABCDE0\r\n\r\n") },
  { ...llhttp, ...refused, served: 1, name: "a blank behind the size", bytes: chunked("a \r\n0123456789\r\n0\r\n\r\n") },
  // content-length.md
  { ...llhttp, ...accepted, name: "a length with zeros", bytes: `${head("PUT /url HTTP/1.1", "Content-Length: 003", "Ohai: world")}abc` },
  { ...llhttp, ...refused, name: "a length over 64 bits", bytes: head("PUT /url HTTP/1.1", "Content-Length: 1000000000000000000000") },
  { ...llhttp, ...refused, name: "two lengths", bytes: head("PUT /url HTTP/1.1", "Content-Length: 1", "Content-Length: 2") },
  {
    ...llhttp,
    ...refused,
    name: "a length, then identity",
    bytes: head("PUT /url HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: identity"),
  },
  { ...llhttp, ...refused, name: "a blank behind Content-Length", bytes: `${head("PUT /url HTTP/1.1", "Content-Length : 4")}abcdefgh` },
  { ...llhttp, ...accepted, name: "a GET of HTTP/1.0 with a body", bytes: `${head("GET /a HTTP/1.0", "conTENT-Length: 5")}HELLO` },
  { ...llhttp, ...accepted, name: "a length between blanks and tabs", bytes: `${head("POST / HTTP/1.1", "Content-Length:\t 4 \t")}abcd` },
  { ...llhttp, ...refused, name: "a blank within the length", bytes: head("POST / HTTP/1.1", "Content-Length: 4 2") },
  { ...llhttp, ...refused, name: "an empty length", bytes: head("POST / HTTP/1.1", "Content-Length:") },
  { ...llhttp, ...refused, name: "CR for the dash of Content-Length", bytes: `${head("PUT /url HTTP/1.1", "Content\rLength: 003")}abc` },
  {
    ...llhttp,
    ...refused,
    name: "CR and the body where the empty line should be",
    bytes: "PUT /url HTTP/1.1\r\nContent-Length: 3\r\n\rabc\r\n\r\n",
  },
  // connection.md
  { ...llhttp, ...accepted, served: 2, name: "two requests", bytes: head("PUT /url HTTP/1.1", "Connection: keep-alive").repeat(2) },
  {
    ...llhttp,
    ...accepted,
    there: "refused",
    name: "a request behind one of HTTP/1.0",
    bytes: head("PUT /url HTTP/1.0") + head("PUT /url HTTP/1.1"),
    why: "llhttp tells an error for bytes behind the last request; we answer that request, close, and read them not",
  },
  {
    ...llhttp,
    ...accepted,
    served: 2,
    name: "an empty line between two requests",
    bytes: `${head("POST / HTTP/1.1", "Host: h", "Content-Length: 4")}q=42\r\n${head("GET / HTTP/1.1")}`,
  },
  { ...llhttp, ...refused, name: "CR for a dash in Connection", bytes: head("PUT /url HTTP/1.1", "Connection: keep\ralive") },
  { ...llhttp, ...accepted, name: "a tab behind close", bytes: head("PUT /url HTTP/1.1", "Connection: close\t") },
  {
    ...llhttp,
    ...accepted,
    name: "close among other options",
    bytes: head("PUT /url HTTP/1.1", "Connection: close, token, upgrade, keep-alive"),
  },
  { ...llhttp, ...refused, name: "a blank behind Connection", bytes: head("PUT /url HTTP/1.1", "Connection : upgrade", "Upgrade: ws") },
  {
    ...llhttp,
    ...accepted,
    name: "an upgrade with bytes of the other protocol behind it",
    bytes: `${head("GET /demo HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: WebSocket")}Hot diggity dogg\r\n`,
    refused: 400,
    why: "llhttp stops for its owner to switch; we offer no other protocol, so that what follows is read as HTTP/1",
  },
  {
    ...llhttp,
    ...accepted,
    name: "an upgrade with a body",
    bytes: `${head("POST /demo HTTP/1.1", "Connection: Upgrade", "Upgrade: HTTP/2.0", "Content-Length: 15")}sweet post body`,
  },
  // pipelining.md, uri.md, method.md
  {
    ...llhttp,
    ...accepted,
    served: 3,
    name: "three requests with bodies and empty lines between",
    bytes: ["POST /aaa", "PUT /bbb", "PATCH /ccc"]
      .map((line, n) => `${head(`${line} HTTP/1.1`, `Content-Length: ${n + 3}`)}${"A".repeat(n + 3)}\r\n`)
      .join(""),
  },
  { ...llhttp, ...accepted, name: "quotes in the target", bytes: head('GET /with_"lovely"_quotes?foo="bar" HTTP/1.1') },
  { ...llhttp, ...accepted, name: "a second question mark", bytes: head("GET /test.cgi?foo=bar?baz HTTP/1.1") },
  { ...llhttp, ...accepted, name: "an authority ended by a query", bytes: head("GET http://hypnotoad.org:1234?hail=all HTTP/1.1") },
  { ...llhttp, ...accepted, name: "a bar in the query", bytes: head("GET /test.cgi?query=| HTTP/1.1") },
  { ...llhttp, ...accepted, name: "an authority and no path", bytes: head("GET http://hypnotoad.org:1234 HTTP/1.1") },
  { ...llhttp, ...refused, name: "UTF-8 in the target", bytes: head("GET /\xce\xb4?q=1#narf HTTP/1.1", "Host: github.com") },
  { ...llhttp, ...accepted, name: "a fragment", bytes: head("GET /forums/1/topics/2375?page=1#posts-17408 HTTP/1.1") },
  {
    ...llhttp,
    ...accepted,
    name: "CONNECT to a host with an underscore",
    bytes: head("CONNECT home_0.netscape.com:443 HTTP/1.0", "User-agent: Mozilla/1.1N"),
  },
  {
    ...llhttp,
    ...accepted,
    name: "user and password in the target",
    bytes: head("GET http://a%12:b!&*$@hypnotoad.org:1234/toto HTTP/1.1"),
  },
  { ...llhttp, ...refused, name: "a blank in the target", bytes: head("GET /foo bar/ HTTP/1.1") },
  {
    ...llhttp,
    ...accepted,
    name: "CONNECT and the tunnel's bytes",
    bytes: `${head("CONNECT h:443 HTTP/1.1", "Host: h")}some data\r\nand yet even more data`,
  },
  {
    ...llhttp,
    ...accepted,
    served: 0,
    refused: 400,
    name: "M-SEARCH *",
    bytes: head("M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900"),
    why: "* is for OPTIONS alone (RFC 9112 §3.2.4)",
  },
  { ...llhttp, ...accepted, name: "fields twice", bytes: head("LINK /images/my_dog.jpg HTTP/1.1", "Link: <a>", "Link: <b>") },
  {
    ...llhttp,
    ...accepted,
    served: 0,
    refused: 400,
    name: "SOURCE by ICE",
    bytes: head("SOURCE /music ICE/1.0", "Host: example.com"),
    why: "no protocol but HTTP is spoken",
  },
  { ...llhttp, ...refused, name: "the preface of HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { ...llhttp, ...accepted, name: "QUERY with a body", bytes: `${head("QUERY /contacts HTTP/1.1", "Content-Length: 6")}select` },
  { ...llhttp, ...accepted, name: "a body that is cut", bytes: head("PUT / HTTP/1.1", "Content-Length: 100") },
  // test_io.py
  {
    ...h11,
    ...accepted,
    name: "folded values",
    bytes: head(
      "HEAD /foo HTTP/1.1",
      "Host: example.com",
      "Some: multi-line",
      " header",
      "\tnonsense",
      "    \t   \t\tI guess",
      "Connection: close",
    ),
    served: 0,
    refused: 400,
    why: FOLDING,
  },
  { ...h11, ...refused, name: "a folded first field", bytes: head("HEAD /foo HTTP/1.1", "  folded: line") },
  { ...h11, ...refused, name: "blanks before the colon", bytes: head("HEAD /foo HTTP/1.1", "foo  : line") },
  { ...h11, ...refused, name: "a tab before the colon", bytes: head("HEAD /foo HTTP/1.1", "foo\t: line") },
  {
    ...h11,
    ...accepted,
    name: "LF for CRLF",
    bytes: "HEAD /foo HTTP/1.1\nHost: h\n\n",
    served: 0,
    refused: 400,
    why: "a bare LF is no line end (RFC 9112 §2.2 allows both): a proxy in front may read on",
  },
  { ...h11, ...accepted, name: "a value of blanks", bytes: head("HEAD /foo HTTP/1.1", "Host: h", "Foo: \t \t ") },
  { ...h11, ...accepted, name: "a value with single letters", bytes: head("HEAD /foo HTTP/1.1", "Host: h", "Foo: a a  a a ") },
  { ...h11, ...accepted, name: "trailers", bytes: chunked("5\r\n01234\r\n10\r\n0123456789abcdef\r\n0\r\nSome: header\r\n\r\n") },
  { ...h11, ...accepted, name: "a size in both cases", bytes: chunked(`aA\r\n${"x".repeat(0xaa)}\r\n0\r\n\r\n`) },
  { ...h11, ...refused, served: 1, name: "a size of a hundred digits", bytes: chunked(`${"9".repeat(100)}\r\nxxx`) },
  { ...h11, ...refused, served: 1, name: "NUL behind the size", bytes: chunked("10\0\r\nxxx") },
  {
    ...h11,
    ...accepted,
    name: "extensions on both chunks",
    bytes: chunked('5; hello=there\r\nxxxxx\r\n0; random="junk"; some=more; canbe=lonnnnngg\r\n\r\n'),
  },
  {
    ...h11,
    ...accepted,
    name: "blanks behind the size",
    bytes: chunked("5   \t \r\n01234\r\n0\r\n\r\n"),
    refused: 400,
    why: "RFC 9112 §7.1 has blanks before an extension only",
  },
  { ...h11, ...refused, served: 1, name: "two other bytes behind a chunk's data", bytes: chunked("3\r\nxxx__1a\r\n") },
  { ...h11, ...refused, served: 1, name: "CR and another byte behind a chunk's data", bytes: chunked("3\r\nxxx\r_1a\r\n") },
  { ...h11, ...refused, served: 1, name: "LF in second place behind a chunk's data", bytes: chunked("3\r\nxxx_\n1a\r\n") },
  { ...h11, ...refused, name: "text behind the version", bytes: head("HEAD /foo HTTP/1.1 xxxxxx", "Host: a") },
  { ...h11, ...refused, name: "NUL in a value", bytes: head("HEAD /foo HTTP/1.1", "Host: foo\0bar") },
  ...["\0", " ", "\x7f", "\xee"].map((octet) => ({
    ...h11,
    ...refused,
    name: `${JSON.stringify(octet)} in the target`,
    bytes: head(`HEAD /${octet} HTTP/1.1`, "Host: foobar"),
  })),
  {
    ...h11,
    ...accepted,
    name: "a control character in a cookie",
    bytes: head("HEAD /foo HTTP/1.1", "Host: foo", "Cookie: ___utmvafIumyLc=kUd\x01UpAt; path=/"),
    served: 0,
    refused: 400,
    why: "RFC 9110 §5.5 calls control characters invalid",
  },
  // test_headers.py, test_connection.py
  {
    ...h11,
    ...accepted,
    name: "two equal lengths",
    bytes: head("POST / HTTP/1.1", "Host: h", "Content-Length: 0", "Content-Length: 0"),
    served: 0,
    refused: 400,
    why: "RFC 9110 §8.6 allows both; a proxy that merged otherwise would see another end",
  },
  {
    ...h11,
    ...accepted,
    name: "a list of equal lengths",
    bytes: head("POST / HTTP/1.1", "Host: h", "Content-Length: 0 , 0"),
    served: 0,
    refused: 400,
    why: "RFC 9110 §8.6 allows both; a proxy that merged otherwise would see another end",
  },
  { ...h11, ...refused, name: "a length that is no number", bytes: head("POST / HTTP/1.1", "Host: h", "Content-Length: 1x") },
  { ...h11, ...refused, name: "a length of 21 digits", bytes: head("POST / HTTP/1.1", "Host: h", `Content-Length: ${"1".repeat(21)}`) },
  {
    ...h11,
    ...accepted,
    name: "chunked in both cases",
    bytes: `${head("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: cHuNkEd")}0\r\n\r\n`,
  },
  { ...h11, ...refused, name: "gzip alone", bytes: head("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: gzip") },
  {
    ...h11,
    ...accepted,
    there: "refused",
    name: "gzip before chunked",
    bytes: `${head("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked")}0\r\n\r\n`,
    why: "the body is handed on compressed, as Gunicorn does, and the connection closes",
  },
  {
    ...h11,
    ...accepted,
    name: "chunked and a length",
    bytes: `${head("POST / HTTP/1.1", "Host: h", "Content-Length: 5", "Transfer-Encoding: chunked")}0\r\n\r\n`,
    served: 0,
    refused: 400,
    why: "RFC 9112 §6.1 allows chunked to win; a proxy may let the length win",
  },
  {
    ...h11,
    ...accepted,
    there: "refused",
    name: "HTTP/1.1 without a Host",
    bytes: head("GET / HTTP/1.1"),
    why: "accepted as by Gunicorn: applications behind health checks rely on it (RFC 9112 §3.2 asks for 400)",
  },
  { ...h11, ...refused, name: "two Hosts", bytes: head("GET / HTTP/1.1", "Host: a", "Host: b") },
];
