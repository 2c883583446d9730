import { type Case, compareServers, type Observation, talk } from "./differential.ts";

/** What a connection gives for bytes that may be no request. Both servers must refuse the same things with the same words. */
function send(name: string, bytes: string, status: number, tunicorn: Observation = {}): Case {
  return talk(
    name,
    async (client) => {
      client.send(bytes);
      const response = await client.readResponse(bytes.split(" ")[0]);
      const { statusLine, body, framing } = response;
      return { status: response.status, statusLine, framing, page: response.status < 400 ? undefined : body };
    },
    { status },
    tunicorn,
  );
}

/** The page of a refusal, where Tunicorn's differs from Gunicorn's. */
function page(status: number, reason: string, text: string): Observation {
  const shown = `<html>\n  <head>\n    <title>${reason}</title>\n  </head>\n  <body>\n    <h1><p>${reason}</p></h1>\n    ${text}\n  </body>\n</html>\n`;
  return { statusLine: `HTTP/1.1 ${status} ${reason}`, page: shown };
}

/** Bytes that end before a request does: closed without an answer. */
function unanswered(name: string, bytes: string): Case {
  return talk(
    name,
    async (client) => {
      client.send(bytes);
      client.halfClose();
      return { received: await client.readToEnd() };
    },
    { received: "" },
  );
}

/** A GET with these field lines. */
function withFields(lines: string): string {
  return `GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`;
}

/** A POST to a path that reads its body. */
function withBody(lines: string, body: string): string {
  return `POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n${body}`;
}

function coded(coding: string, status: number, tunicorn: Observation = {}): Case {
  const request = withBody(`Transfer-Encoding: ${coding}\r\n`, "3\r\nabc\r\n0\r\n\r\n");
  return send(`a Transfer-Encoding of ${JSON.stringify(coding)}`, request, status, tunicorn);
}

const chunks = (body: string) => withBody("Transfer-Encoding: chunked\r\n", body);

compareServers("request lines", { args: ["cases"] }, [
  send("one leading CRLF", `\r\n${withFields("")}`, 200),
  send("two leading CRLF", `\r\n\r\n${withFields("")}`, 400),
  send("a leading LF", `\n${withFields("")}`, 400),
  send("bare LF line ends", "GET / HTTP/1.1\nHost: h\n\n", 400),
  send("a bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400),
  send("two blanks", "GET  / HTTP/1.1\r\n\r\n", 400),
  send("a blank in the target", "GET /a b HTTP/1.1\r\n\r\n", 400),
  send("a tab instead of a blank", "GET\t/ HTTP/1.1\r\n\r\n", 400),
  send("no target", "GET HTTP/1.1\r\n\r\n", 400),
  send("no version", "GET /\r\n\r\n", 400),
  send("a blank at the end", "GET / HTTP/1.1 \r\n\r\n", 400),
  send("a lower-case method", "get / HTTP/1.1\r\n\r\n", 400),
  send("a method of two letters", "AB / HTTP/1.1\r\n\r\n", 400),
  send("a method of 21 letters", `${"A".repeat(21)} / HTTP/1.1\r\n\r\n`, 400),
  send("a method of 20 letters", `${"A".repeat(20)} / HTTP/1.1\r\nConnection: close\r\n\r\n`, 200),
  send("a method that is no token", "GE(T / HTTP/1.1\r\n\r\n", 400),
  send("HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", 400),
  send("HTTP/1.2", "GET / HTTP/1.2\r\nConnection: close\r\n\r\n", 200),
  send("HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", 400),
  send("http/1.1", "GET / http/1.1\r\n\r\n", 400),
  send("HTTP/1.11", "GET / HTTP/1.11\r\n\r\n", 400),
  send("HTTP/1.\u00b9", "GET / HTTP/1.\u00b9\r\n\r\n", 400),
  send("a control character in the target", "GET /\x01 HTTP/1.1\r\n\r\n", 400),
  send("8 bits in the target", "GET /\u00e9 HTTP/1.1\r\n\r\n", 400),
  send("NUL in the target", "GET /\0 HTTP/1.1\r\n\r\n", 400),
  send("a relative target", "GET index.html HTTP/1.1\r\n\r\n", 400),
  send("* with GET", "GET * HTTP/1.1\r\n\r\n", 400),
  send("an authority with GET", "GET h:80 HTTP/1.1\r\n\r\n", 400),
  send("CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 200),
  send("a request line of 4094 bytes", `GET /${"a".repeat(4094 - 14)} HTTP/1.1\r\nConnection: close\r\n\r\n`, 200),
  send("a request line of 4095 bytes", `GET /${"a".repeat(4095 - 14)} HTTP/1.1\r\n\r\n`, 414),
  // How much of it was read when it was refused depends on the packets.
  talk(
    "an endless request line",
    async (client) => {
      client.send(`GET /${"a".repeat(10_000)}`);
      return { status: (await client.readResponse()).status };
    },
    { status: 414 },
  ),
  send("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
  send("the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
  send("a PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n", 400),
  unanswered("nothing", ""),
  unanswered("half a request line", "GET / HT"),
  unanswered("half a head", "GET / HTTP/1.1\r\nHost: h\r\n"),
]);

compareServers("field lines", { args: ["cases"] }, [
  send("a blank before the colon", withFields("X-A : 1\r\n"), 400),
  send("no colon", withFields("X-A\r\n"), 400),
  send("an empty name", withFields(": 1\r\n"), 400),
  send("a folded line", withFields("X-A: 1\r\n 2\r\n"), 400),
  send("a leading blank in the first line", "GET / HTTP/1.1\r\n X: 1\r\n\r\n", 400),
  send(
    "a bare LF",
    withFields("X-A: 1\nX-B: 2\r\n"),
    400,
    page(400, "Bad Request", "Invalid HTTP Header: &#x27;bare LF as line terminator&#x27;"),
  ),
  send("a bare CR", withFields("X-A: 1\rX-B: 2\r\n"), 400),
  send("NUL in a value", withFields("X-A: a\0b\r\n"), 400),
  send("ESC in a value", withFields("X-A: \x1b[0m\r\n"), 400),
  send("8 bits in a name", withFields("X-\u00e9: 1\r\n"), 400),
  send("a name with a quote", withFields('X-": 1\r\n'), 400),
  send("two Host fields", withFields("Host: other\r\n"), 400),
  send("no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
  send("two Content-Type fields", withFields("Content-Type: a/b\r\nContent-Type: a/c\r\n"), 400),
  send("100 fields", `GET / HTTP/1.1\r\nConnection: close\r\n${"X-A: 1\r\n".repeat(99)}\r\n`, 200),
  send("101 fields", `GET / HTTP/1.1\r\nConnection: close\r\n${"X-A: 1\r\n".repeat(100)}\r\n`, 431),
  send("a field of 8188 bytes", withFields(`X-A: ${"a".repeat(8188 - 5)}\r\n`), 200),
  send("a field of 8189 bytes", withFields(`X-A: ${"a".repeat(8189 - 5)}\r\n`), 431),
  send("a field of 8200 bytes", withFields(`X-A: ${"a".repeat(8200 - 5)}\r\n`), 431),
  send("an endless field", `GET / HTTP/1.1\r\nX-A: ${"a".repeat(1_000_000)}`, 431),
  send("an unknown expectation", withFields("Expect: miracles\r\n"), 417),
  send("contradicting scheme fields", withFields("X-Forwarded-Proto: https\r\nX-Forwarded-SSL: off\r\n"), 400),
]);

compareServers("message framing", { args: ["cases"] }, [
  send("Content-Length and Transfer-Encoding", withBody("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
  send("two different Content-Lengths", withBody("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400),
  send("two equal Content-Lengths", withBody("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400),
  send("a list of Content-Lengths", withBody("Content-Length: 3, 3\r\n", "abc"), 400),
  ...["+3", "-3", "0x3", "3_0", "3.0", "", "3 3", "\u00b3"].map((value) =>
    send(`a Content-Length of ${JSON.stringify(value)}`, withBody(`Content-Length: ${value}\r\n`, "abc"), 400),
  ),
  send("a Content-Length with leading zeros", withBody("Content-Length: 0003\r\n", "abc"), 200),
  ...["CHUNKED", "gzip, chunked"].map((coding) => coded(coding, 200)),
  ...["gzip", "identity", "chunked, chunked", "chunked, identity", "\x0bchunked"].map((coding) => coded(coding, 400)),
  coded("xchunked", 501, page(501, "Not Implemented", "Unsupported transfer coding: &#x27;xchunked&#x27;")),
  coded('"chunked"', 501, page(501, "Not Implemented", "Unsupported transfer coding: &#x27;&quot;chunked&quot;&#x27;")),
  coded("", 501, page(501, "Not Implemented", "Unsupported transfer coding: &#x27;&#x27;")),
  send("two Transfer-Encoding fields", withBody("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
  send("chunked HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
  ...["x", "", "-1", "+1", "0x1", "1 ", " 1", "1_0", "G"].map((size) =>
    send(`a chunk's size of ${JSON.stringify(size)}`, chunks(`${size}\r\na\r\n0\r\n\r\n`), 400),
  ),
  send("a chunk without its CRLF", chunks("3\r\nabcX\r\n0\r\n\r\n"), 400),
  send("a chunk ended by LF", chunks("3\r\nabc\n0\r\n\r\n"), 400),
  send("a chunk's size ended by LF", chunks("3\nabc\r\n0\r\n\r\n"), 400),
  send("a chunk extension", chunks('3;name=value;other="quo\\"ted"\r\nabc\r\n0\r\n\r\n'), 200),
  send("a chunk extension with a control character", chunks("3;a=\x01\r\nabc\r\n0\r\n\r\n"), 400),
  send("a chunk extension with a bare CR", chunks("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400),
  send("a trailer", chunks("3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"), 200),
  send("a trailer that is no field", chunks("3\r\nabc\r\n0\r\nno colon\r\n\r\n"), 400),
  send("a trailer ended by LF", chunks("3\r\nabc\r\n0\r\nX-T: 1\n\r\n"), 400),
]);
