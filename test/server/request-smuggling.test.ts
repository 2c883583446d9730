/**
 * Request smuggling, family by family (docs/internals/request-smuggling.md): bytes that one reader takes for one request
 * and another for two. Whatever a proxy in front made of them, we refuse them, or read them in the only way that the RFC
 * leaves. Gunicorn's gthread worker is compared with, because its sync worker drops everything behind the first request.
 */

import { type Case, compareServers, type Observation, talk } from "./differential.ts";
import type { Client } from "./http-client.ts";

const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
const NEXT = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
const SERVED_NEXT = "GET /next";

/** Every answer on a connection, in order: method, target and body of a request that the application got, or a status. */
async function answersOf(client: Client, count: number): Promise<string[]> {
  const answers: string[] = [];
  while (answers.length < count) {
    const { status, body } = await client.readResponse();
    const seen = status === 200 ? JSON.parse(body) : undefined;
    answers.push(seen === undefined ? String(status) : `${seen.method} ${seen.target}${seen.body === "" ? "" : ` ${seen.body}`}`);
  }
  return answers;
}

/**
 * Sends bytes and a half-close.
 *
 * @param answers  All answers; nothing comes behind them, and the connection ends.
 */
function attack(name: string, bytes: string, answers: readonly string[], tunicorn: Observation = {}): Case {
  const expected = (tunicorn.answers as string[] | undefined) ?? answers;
  return talk(
    name,
    async (client, server) => {
      client.send(bytes);
      client.halfClose();
      const seen = await answersOf(client, (server.kind === "tunicorn" ? expected : answers).length);
      return { answers: seen, rest: await client.readToEnd() };
    },
    { answers, rest: "" },
    tunicorn,
  );
}

/** A POST with these framing lines, this body, and somebody else's request behind it. */
function post(lines: string, body: string, requestLine = "POST / HTTP/1.1"): string {
  return `${requestLine}\r\nHost: h\r\n${lines}\r\n${body}${NEXT}`;
}

const chunks = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
const length = HIDDEN.length;
const gthread = (kind: string) => ({ args: kind === "gunicorn" ? ["whole_request", "-k", "gthread"] : ["whole_request"] });

compareServers("smuggling by two lengths", gthread, [
  attack("CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), ["400"]),
  attack("TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `${length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`), ["400"]),
  attack("CL.TE on a GET", post(`Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`, "0\r\n\r\n", "GET / HTTP/1.1"), ["400"]),
  attack("CL.CL, equal", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), ["400"]),
  attack("CL.CL, different", post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"), ["400"]),
  attack("CL.CL in one field", post("Content-Length: 5, 5\r\n", "hello"), ["400"]),
  attack("chunked from HTTP/1.0", post("Transfer-Encoding: chunked\r\n", `0\r\n\r\n${HIDDEN}`, "POST / HTTP/1.0"), ["400"]),
  attack("a coding other than chunked beside a length", post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello"), ["400"]),
  attack("a compressed body, behind which nothing is read", post("Transfer-Encoding: gzip, chunked\r\n", "2\r\nok\r\n0\r\n\r\n"), [
    "POST / ok",
  ]),
  ...["+5", "-5", "0x5", "5_0", "5.0", "5e0", "", "5 5", "\u00b2", "\x0b5", "5\x0c", "\u00a05", "5\0"].map((value) =>
    attack(`a length of ${JSON.stringify(value)}`, post(`Content-Length: ${value}\r\n`, "hello"), ["400"]),
  ),
  // Gunicorn waits for that many bytes; whoever counts in 64 bits sees 5.
  ...["18446744073709551621", "1".repeat(400)].map((value) =>
    attack(`a length of ${value.length} digits`, post(`Content-Length: ${value}\r\n`, "hello"), [`POST / hello${NEXT}`], {
      answers: ["400"],
    }),
  ),
]);

/** Ways to write Transfer-Encoding that some proxy overlooks and some server does not, or the other way round. */
const OBFUSCATED: readonly (readonly [line: string, status: string])[] = [
  ["Transfer-Encoding: xchunked", "501"],
  ["Transfer-Encoding : chunked", "400"],
  ["Transfer-Encoding\t: chunked", "400"],
  [" Transfer-Encoding: chunked", "400"],
  ["X: y\r\n Transfer-Encoding: chunked", "400"],
  ["X: y\nTransfer-Encoding: chunked", "400"],
  ["X: y\rTransfer-Encoding: chunked", "400"],
  ["Transfer-Encoding:\r\n chunked", "400"],
  ["Transfer-Encoding\r\n: chunked", "400"],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "501"],
  ["Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "501"],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400"],
  ["Transfer-Encoding: chunked, identity", "400"],
  ["Transfer-Encoding: chunked, chunked", "400"],
  ["Transfer-Encoding: chunked;q=1", "501"],
  ["Transfer-Encoding: chunked,", "501"],
  ["Transfer-Encoding: ,chunked", "501"],
  ['Transfer-Encoding: "chunked"', "501"],
  ["Transfer-Encoding: 'chunked'", "501"],
  ["Transfer-Encoding:\x0bchunked", "400"],
  ["Transfer-Encoding: chunked\x0c", "400"],
  ["Transfer-Encoding: chunked\u00a0", "501"],
  ["Transfer-Encoding: \u0085chunked", "501"],
  ["Transfer-Encoding: \0chunked", "400"],
  ["Transfer-Encoding: chunk", "501"],
  ["Transfer-Encoding:", "501"],
  ["Transfer\0-Encoding: chunked", "400"],
  ["Tr\u00e0nsfer-Encoding: chunked", "400"],
  ["Transfer-Encoding=chunked", "400"],
  ["Content-Encoding: x\r\r\nTransfer-Encoding: chunked", "400"],
];

compareServers("smuggling by an obfuscated Transfer-Encoding (TE.TE)", gthread, [
  ...OBFUSCATED.map(([line, status]) => attack(JSON.stringify(line), post(`${line}\r\n`, `0\r\n\r\n${HIDDEN}`), [status])),
  ...["TRANSFER-ENCODING:chunked", "transfer-encoding: \t CHUNKED \t"].map((line) =>
    attack(`${JSON.stringify(line)}, which is sound`, post(`${line}\r\n`, "5\r\nhello\r\n0\r\n\r\n"), ["POST / hello", SERVED_NEXT]),
  ),
  attack("Transfer_Encoding is no framing, and dropped", post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), [
    "POST / 0\r\n\r\n",
    SERVED_NEXT,
  ]),
  attack("Content_Length is no framing, and dropped", post("Content_Length: 999\r\nContent-Length: 2\r\n", "ok"), [
    "POST / ok",
    SERVED_NEXT,
  ]),
]);

compareServers("smuggling by a length that one side ignores", gthread, [
  ...["GET", "OPTIONS", "DELETE", "TRACE", "PROPFIND"].map((method) =>
    attack(`CL.0: ${method} with a body`, post(`Content-Length: ${length}\r\n`, HIDDEN, `${method} / HTTP/1.1`), [
      `${method} / ${HIDDEN}`,
      SERVED_NEXT,
    ]),
  ),
  attack(
    "TE.0: OPTIONS with chunks",
    post("Transfer-Encoding: chunked\r\n", `${length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`, "OPTIONS / HTTP/1.1"),
    [`OPTIONS / ${HIDDEN}`, SERVED_NEXT],
  ),
  attack("0.CL: a length hidden by a blank", post(`Content-Length : ${length}\r\n`, HIDDEN), ["400"]),
  attack("0.CL: a length in a folded line", post(`X: y\r\n Content-Length: ${length}\r\n`, HIDDEN), ["400"]),
  attack("0.CL: a length behind a bare CR", post(`X: y\rContent-Length: ${length}\r\n`, HIDDEN), ["400"]),
  attack("0.CL with another expectation", post(`Expect: y 100-continue\r\nContent-Length: ${length}\r\n`, HIDDEN), ["417"]),
  attack("0.CL with a folded expectation", post(`Expect: 100-\r\n continue\r\nContent-Length: ${length}\r\n`, HIDDEN), ["400"]),
  attack("0.CL with Expect: the body is read as one", post(`Expect: 100-continue\r\nContent-Length: ${length}\r\n`, HIDDEN), [
    "100",
    `POST / ${HIDDEN}`,
    SERVED_NEXT,
  ]),
  attack("Expect twice is one 100", post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", "ok"), [
    "100",
    "POST / ok",
    SERVED_NEXT,
  ]),
  attack("a length that Connection names still counts", post("Connection: keep-alive, Content-Length\r\nContent-Length: 2\r\n", "ok"), [
    "POST / ok",
    SERVED_NEXT,
  ]),
  attack("HTTP/1.0 without a length", post("Connection: keep-alive\r\n", "", "POST / HTTP/1.0"), ["POST /", SERVED_NEXT]),
]);

compareServers("smuggling by line ends and fields", gthread, [
  attack("LF for CRLF", "GET / HTTP/1.1\nHost: h\n\n", ["400"]),
  attack("LF CR", "GET / HTTP/1.1\n\rHost: h\n\r\n\r", ["400"]),
  attack("a field ended by LF", post("X: y\nContent-Length: 5\r\n", "hello"), ["400"]),
  attack("a field ended by CR", post("X: y\rContent-Length: 5\r\n", "hello"), ["400"]),
  attack("a head ended by LF LF", `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\n\n${HIDDEN}`, ["400"]),
  attack("a head ended by CRLF LF", `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\n${HIDDEN}`, ["400"]),
  attack("a head ended by a CR", `POST / HTTP/1.1\r\nHost: h\r\n\rX: y\r\n\r\n${NEXT}`, ["400"]),
  attack("a head ended by a blank line", `POST / HTTP/1.1\r\nHost: h\r\n \r\n${HIDDEN}`, ["400"]),
  attack("NUL in a field", post("X: y\0\r\nContent-Length: 5\r\n", "hello"), ["400"]),
  attack("a second request line as a field", "GET / HTTP/1.1\r\nGET /hidden HTTP/1.1\r\nHost: h\r\n\r\n", ["400"]),
  attack("a second request line behind a bare CR", `GET / HTTP/1.1\rHost: h\r\n\r\n${NEXT}`, ["400"]),
  attack("two Hosts", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${NEXT}`, ["400"]),
  attack("a Host in a folded line", `GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n${NEXT}`, ["400"]),
  attack("a target with a request line in it", `GET /%20HTTP/1.1%0d%0aHost:%20x HTTP/1.1\r\nHost: h\r\n\r\n${NEXT}`, [
    "GET /%20HTTP/1.1%0d%0aHost:%20x",
    SERVED_NEXT,
  ]),
  attack("a request line of HTTP/0.9", `GET /\r\n${NEXT}`, ["400"]),
  attack("two empty lines first", `\r\n\r\n${NEXT}`, ["400"]),
  attack("what follows a refused request", `GET / HTTP/1.1\r\nX\r\n\r\n${NEXT}`, ["400"]),
  attack("what follows a refused body", chunks(`x\r\n${HIDDEN}`), ["400"]),
  attack("an absolute target beside another Host", `GET http://other/path HTTP/1.1\r\nHost: h\r\n\r\n${NEXT}`, [
    "GET http://other/path",
    SERVED_NEXT,
  ]),
]);

compareServers("smuggling by chunks and trailers", gthread, [
  attack("a size ended by LF", chunks(`5\nhello\r\n0\r\n\r\n`), ["400"]),
  attack("a size ended by CR", chunks(`5\rhello\r\n0\r\n\r\n`), ["400"]),
  attack("an extension ended by LF (TERM.EXT)", chunks("5;\nhello\r\n0\r\n\r\n"), ["400"]),
  attack("an extension with a LF in it (EXT.TERM)", chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"), ["400"]),
  attack("an extension with a CR in it", chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), ["400"]),
  attack("an extension with a quoted CRLF", chunks('5;a="\r\n"\r\nhello\r\n0\r\n\r\n'), ["400"]),
  attack("an extension without a name", chunks("5;\r\nhello\r\n0\r\n\r\n"), ["400"]),
  attack("data ended by LF (ONE.TWO)", chunks("5\r\nhello\n0\r\n\r\n"), ["400"]),
  attack("data longer than its size (SPILL)", chunks("5\r\nhelloXX\r\n0\r\n\r\n"), ["400"]),
  attack("data ended by two other bytes", chunks("5\r\nhelloXX0\r\n\r\n"), ["400"]),
  ...["+5", "-0", "0x5", "5_0", " 5", "5 ", "\u00b2", "", "5g"].map((size) =>
    attack(`a size of ${JSON.stringify(size)}`, chunks(`${size}\r\nhello\r\n0\r\n\r\n`), ["400"]),
  ),
  // Gunicorn waits for that many bytes, and gives up without an answer; whoever counts in 64 bits sees 5.
  attack("a size of 2^64 + 5", chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), [], { answers: ["400"] }),
  attack("a last chunk of many zeros", chunks("5\r\nhello\r\n0000000000000000000000\r\n\r\n"), ["POST / hello", SERVED_NEXT]),
  attack("a last chunk ended by LF", chunks("0\n\r\n"), ["400"]),
  attack("no empty line behind the last chunk", chunks("0\r\n"), ["400"]),
  attack("a trailer section ended by LF", chunks("0\r\n\n"), ["400"]),
  ...["Host: evil", "Content-Length: 44", "Transfer-Encoding: chunked", "Authorization: x", "TE: x", "Trailer: x"].map((line) =>
    attack(`a trailer ${line}`, chunks(`0\r\n${line}\r\n\r\n`), ["400"]),
  ),
  attack("a trailer ended by LF", chunks("0\r\nX: y\n\r\n"), ["400"]),
  attack("a folded trailer", chunks("0\r\nX: y\r\n z\r\n\r\n"), ["400"]),
  attack("a trailer that is no field", chunks(`0\r\n${HIDDEN}`), ["400"]),
  attack("trailers are not merged into the fields", chunks("2\r\nok\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"), ["POST / ok", SERVED_NEXT]),
]);

compareServers("smuggling by another protocol", gthread, [
  attack("the tunnel of a CONNECT", `CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n${HIDDEN}`, ["CONNECT h:80"]),
  attack(
    "h2c is not offered",
    `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${NEXT}`,
    ["GET /", SERVED_NEXT],
  ),
  attack(
    "h2c with the preface behind it",
    `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    ["GET /", "400"],
  ),
  attack(
    "a WebSocket that nobody accepts",
    `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\n${NEXT}`,
    ["GET /", SERVED_NEXT],
  ),
  attack("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["400"]),
  attack("a PROXY line", `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${HIDDEN}`, ["400"]),
]);

compareServers(
  "smuggling by pauses",
  (kind) => ({ args: kind === "gunicorn" ? ["cases", "-k", "gthread"] : ["cases", "--no-request-buffering"] }),
  [
    talk(
      "a body that comes behind the answer is still the body",
      async (client) => {
        client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`);
        const first = await client.readResponse();
        client.send(`${HIDDEN}GET /status?status=299%20Next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
        const second = await client.readResponse();
        return { statuses: [first.status, second.status], rest: await client.readToEnd() };
      },
      { statuses: [200, 299], rest: "" },
    ),
    talk(
      "a chunked body that breaks behind the answer ends the connection",
      async (client) => {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        const first = await client.readResponse();
        client.send(`x\r\n${HIDDEN}`);
        const rest = await client.readToEnd();
        return { status: first.status, next: / 200 OK/.test(rest), stray: / 400 /.test(rest) };
      },
      { status: 200, next: false, stray: true },
      { stray: false },
    ),
  ],
);
