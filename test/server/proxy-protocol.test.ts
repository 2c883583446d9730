import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { binaryHeader, IPV4_BLOCK, IPV6_BLOCK, tlv } from "../protocol/proxy/headers.ts";
import { hostileHeader } from "../protocol/proxy/hostile-headers.ts";
import { type Case, compareServers, type Observation, talk } from "./differential.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { Client, get } from "./http-client.ts";

const LINE = "PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\r\n";
const LINE_6 = "PROXY TCP6 2001:DB8::1 2001:db8::2 40001 443\r\n";
const UNKNOWN = "PROXY UNKNOWN 192.0.2.1 whatever\r\n";
const BLOCK = binaryHeader(0x21, 0x11, IPV4_BLOCK);
const LOCAL = binaryHeader(0x20, 0x00, "");
/** As load balancers send them: ALPN, a checksum (not the right one), TLS, an endpoint's name. */
const TLVS =
  tlv(0x01, "h2") +
  tlv(0x03, "\x01\x02\x03\x04") +
  tlv(0x20, `\x07\0\0\0\0${tlv(0x21, "TLSv1.3")}`) +
  tlv(0xea, "\x01vpce-08d2bf15fac5001c9");

const CLIENT = { address: "192.0.2.1", port: "40001" };
const TCP4 = { ...CLIENT, proxy: ["TCP4", "198.51.100.2", "443"] };
const TCP6 = { address: "2001:db8::1", port: "40001", proxy: ["TCP6", "2001:db8::2", "443"] };
/** The test itself is the client. */
const ITSELF = { address: "127.0.0.1", port: "the test's" };
const WITHOUT = { ...ITSELF, proxy: [undefined, undefined, undefined] };
/** Gunicorn has `None` where a header has no address, and `"None"` where it has no port. */
const NONE: readonly string[] = [];
const nobody = (protocol: string): Observation => ({ address: NONE, port: "None", proxy: [protocol, NONE, "None"] });
const itself = (protocol: string): Observation => ({ ...ITSELF, proxy: [protocol, undefined, undefined] });

/** What the application learns of its client; or the refusal, its page's text and its log line. */
async function outcome(client: Client, server: Server, from: number): Promise<Observation> {
  const { status, statusLine, body } = await client.readResponse();
  if (status !== 200) {
    const page = /<\/h1>\n {4}(.*)\n/.exec(body)?.[1]?.replaceAll("&#x27;", "'").replaceAll("&quot;", '"');
    const [, warning, error] = await server.waitForLine(
      /\[WARNING\] Invalid request from (.*)$|\[ERROR\] (Error handling request.*)$/,
      from,
    );
    return { statusLine, page, log: warning ?? error, rest: await client.readToEnd() };
  }
  const environ = JSON.parse(body) as Record<string, readonly [string, unknown]>;
  const value = (key: string): unknown => environ[key]?.[1];
  const port = value("REMOTE_PORT");
  return {
    statusLine,
    page: undefined,
    log: undefined,
    address: value("REMOTE_ADDR"),
    port: port === String(client.socket.localPort) ? "the test's" : port,
    proxy: [value("PROXY_PROTOCOL"), value("PROXY_ADDR"), value("PROXY_PORT")],
    scheme: value("wsgi.url_scheme"),
    server: value("SERVER_NAME"),
  };
}

interface Sending {
  /** How the bytes are cut; default: not at all. */
  readonly pieceBytes?: number;
  /** Of the request behind the header. */
  readonly fields?: string;
}

/** A case of one request behind a header. */
function behind(
  name: string,
  header: string,
  expected: Observation,
  tunicorn: Observation = {},
  { pieceBytes = 1e6, fields = "" }: Sending = {},
): Case {
  const run = async (client: Client, server: Server): Promise<Observation> => {
    const from = server.lines.length;
    await client.trickle(header + get("/environ", fields), pieceBytes);
    return await outcome(client, server, from);
  };
  return talk(name, run, expected, tunicorn);
}

const ok = { statusLine: "HTTP/1.1 200 OK", page: undefined, log: undefined, rest: undefined, scheme: "http", server: "127.0.0.1" };

/** How a header is refused, as page and log name it. */
function refusal(text: string): Observation {
  const environ = { address: undefined, port: undefined, proxy: undefined, scheme: undefined, server: undefined };
  return { ...environ, statusLine: "HTTP/1.1 400 Bad Request", page: `'${text}'`, log: `ip=127.0.0.1: ${text}`, rest: "" };
}

const badLine = (shown: string): Observation => refusal(`Invalid PROXY line: ${shown}`);

/** What is the client's mistake is answered with 500 and a traceback by Gunicorn. */
function badBlock(name: string, header: string, text: string): Case {
  const failure = { statusLine: "HTTP/1.1 500 Internal Server Error", page: "", log: "Error handling request (no URI read)" };
  return behind(name, header, failure, refusal(`Invalid PROXY header: ${text}`));
}

const shown = (line: string): string => `'${line.trimEnd()}'`;
const LONG = `PROXY TCP4 192.0.2.1 198.51.100.2 1 ${"2".repeat(100)}\r\n`;
const [BAD_ADDRESS, BAD_PORT] = [LINE.replace("192.0.2.1", "192.0.2.256"), LINE.replace("40001", "65536")];

compareServers("a PROXY header", { args: ["cases", "--proxy-protocol=auto"] }, [
  behind("v1, TCP4", LINE, { ...ok, ...TCP4 }),
  behind("v1, TCP6, as it was written", LINE_6, { ...ok, ...TCP6, address: "2001:DB8::1" }),
  behind("v1, byte by byte", LINE, TCP4, {}, { pieceBytes: 1 }),
  behind("v1, in pieces of 5 bytes", LINE, TCP4, {}, { pieceBytes: 5 }),
  behind("v2, TCP4", BLOCK, { ...ok, ...TCP4 }),
  behind("v2, TCP6", binaryHeader(0x21, 0x21, IPV6_BLOCK), TCP6),
  behind("v2, byte by byte", BLOCK, TCP4, {}, { pieceBytes: 1 }),
  behind("v2 with TLVs", binaryHeader(0x21, 0x11, IPV4_BLOCK + TLVS), TCP4),
  behind("v2 with TLVs, in pieces of 7 bytes", binaryHeader(0x21, 0x21, IPV6_BLOCK + TLVS), TCP6, {}, { pieceBytes: 7 }),
  behind("v2 with bytes that are no TLVs", binaryHeader(0x21, 0x11, `${IPV4_BLOCK}\x04\xff\xff`), TCP4),
  behind("v2 of the greatest length", binaryHeader(0x21, 0x11, IPV4_BLOCK.padEnd(65535, "\x04")), TCP4),
  behind("none", "", WITHOUT),
  behind("v1, UNKNOWN", UNKNOWN, badLine(shown(UNKNOWN)), { ...ok, ...itself("UNKNOWN") }),
  behind("v1, UNKNOWN and no more", "PROXY UNKNOWN\r\n", badLine("'PROXY UNKNOWN'"), { ...ok, ...itself("UNKNOWN") }),
  behind("v2, LOCAL", LOCAL, nobody("LOCAL"), itself("LOCAL")),
  behind("v2, LOCAL with addresses", binaryHeader(0x20, 0x11, IPV4_BLOCK), nobody("LOCAL"), itself("LOCAL")),
  behind("v2, unspecified family", binaryHeader(0x21, 0x01, ""), nobody("UNSPEC"), itself("UNSPEC")),
  behind("v2, unspecified as senders write it", binaryHeader(0x21, 0x00, ""), { page: "" }, { ...ok, ...itself("UNSPEC") }),
  behind("v2, a unix stream", binaryHeader(0x21, 0x31, "\0".repeat(216)), { page: "" }, { ...ok, ...itself("UNSPEC") }),
  behind(
    "a trusted proxy may name the scheme, whoever its client is",
    LINE,
    { ...TCP4, scheme: "https" },
    {},
    { fields: "X-Forwarded-Proto: https\r\n" },
  ),
  behind("v1 without words", "PROXY \r\n", badLine("'PROXY '")),
  behind("v1 of UDP", LINE.replace("TCP4", "UDP4"), badLine(`"protocol 'UDP4' not supported"`)),
  behind("v1 with a bad address", BAD_ADDRESS, badLine(shown(BAD_ADDRESS))),
  behind("v1 with a bad port", BAD_PORT, badLine(`'invalid port ${BAD_PORT.trimEnd()}'`)),
  behind("v1 with a port with a sign", LINE.replace("40001", "+40001"), TCP4, {
    ...badLine(`'invalid port ${LINE.replace("40001", "+40001").trimEnd()}'`),
  }),
  behind("v1 with controls", "PROXY \0\x1b\xe9\r\n", badLine("'PROXY \\x00\\x1b\xe9'")),
  behind("v1 of more than 107 bytes", LONG, badLine(`'invalid port ${LONG.trimEnd()}'`), badLine("'PROXY v1 header too long'")),
  badBlock("v2 of version 1", binaryHeader(0x11, 0x11, IPV4_BLOCK), "unsupported version 1"),
  badBlock("v2 with an unknown command", binaryHeader(0x22, 0x11, IPV4_BLOCK), "unsupported command 2"),
  badBlock("v2 of UDP", binaryHeader(0x21, 0x12, IPV4_BLOCK), "only TCP protocol is supported"),
  badBlock("v2 of an unknown family", binaryHeader(0x21, 0x41, IPV4_BLOCK), "unsupported address family 4"),
  badBlock("v2 that is too short for its family", binaryHeader(0x21, 0x21, IPV4_BLOCK), "insufficient address data for IPv6"),
  behind(
    "two headers: the second is a request that is none",
    LINE + BLOCK,
    { statusLine: "HTTP/1.1 400 Bad Request", rest: "" },
    {
      log: "ip=192.0.2.1: Invalid HTTP request line: ''",
    },
  ),
  talk(
    "a header that is cut off gets no answer",
    async (client) => {
      client.send(BLOCK.slice(0, -1));
      client.halfClose();
      return { rest: await client.readToEnd() };
    },
    { rest: "" },
  ),
]);

compareServers("proxy_protocol=v1", { args: ["cases", "--proxy-protocol=v1"] }, [
  behind("v1", LINE, TCP4),
  behind("v2 is no request", BLOCK, { statusLine: "HTTP/1.1 400 Bad Request", rest: "" }),
  behind("none", "", WITHOUT),
]);

compareServers("proxy_protocol=v2", { args: ["cases", "--proxy-protocol", "v2"] }, [
  behind("v2", BLOCK, TCP4),
  behind("v1 is no request", LINE, { statusLine: "HTTP/1.1 400 Bad Request", rest: "" }),
  behind("none", "", WITHOUT),
]);

compareServers("proxy_protocol=off", { args: ["cases"] }, [
  behind("v1 is no request", LINE, { statusLine: "HTTP/1.1 400 Bad Request", rest: "" }),
  behind("v2 is no request", BLOCK, { statusLine: "HTTP/1.1 400 Bad Request", rest: "" }),
]);

const FORBIDDEN = {
  statusLine: "HTTP/1.1 403 Forbidden",
  page: "Request forbidden",
  log: "ip=127.0.0.1: Proxy request from '127.0.0.1' not allowed",
  rest: "",
};

compareServers("a sender that is not in proxy_allow_ips", { args: ["cases", "--proxy-allow-from", "10.0.0.0/8,::1", "--proxy-protocol"] }, [
  behind("v1", LINE, FORBIDDEN),
  behind("v1, broken", "PROXY xxxxxxxxxx\r\n", FORBIDDEN),
  behind("v2", BLOCK, FORBIDDEN),
  behind("v2, broken", binaryHeader(0xff, 0xff, "xx"), FORBIDDEN),
  behind("no header", "", WITHOUT),
]);

for (const allowed of ["*", "127.0.0.0/8", "192.0.2.1,127.0.0.1"]) {
  compareServers(`proxy_allow_ips=${allowed}`, { args: ["cases", "--proxy-allow-from", allowed, "--proxy-protocol"] }, [
    behind("v1", LINE, TCP4),
  ]);
}

compareServers(
  "who is trusted with the scheme is the real peer, not the client that the header names",
  { args: ["cases", "--forwarded-allow-ips", "192.0.2.1", "--proxy-protocol"] },
  [behind("the client's address is no help", LINE, { ...TCP4, scheme: "http" }, {}, { fields: "X-Forwarded-Proto: https\r\n" })],
);

// Gunicorn's sync worker never keeps a connection; its gthread forgets the header after the first request, its gevent does not.
compareServers(
  "connections that stay",
  (kind) => ({ args: ["cases", "--proxy-protocol=auto", ...(kind === "gunicorn" ? ["-k", "gthread", "--threads", "2"] : [])] }),
  [LINE, BLOCK].map((header) =>
    talk(
      `every request has the client's address: ${header === LINE ? "v1" : "v2"}`,
      async (client, server) => {
        const ask = "GET /environ HTTP/1.1\r\nHost: h\r\n\r\n";
        client.send(header + ask);
        const first = await outcome(client, server, 0);
        client.send(ask + ask);
        return { first: first.proxy, second: (await outcome(client, server, 0)).address, third: (await outcome(client, server, 0)).proxy };
      },
      { first: TCP4.proxy, second: "127.0.0.1" },
      { second: "192.0.2.1", third: TCP4.proxy },
    ),
  ),
);

test("on a unix socket every header is believed", async (t) => {
  for (const kind of KINDS) {
    const path = join(temporaryFolder(t), "socket");
    const server = await Server.start(t, kind, {
      args: ["cases", "--proxy-protocol", "v1", "--proxy-allow-from", "10.0.0.1"],
      bind: `unix:${path}`,
    });
    const client = await server.connect();
    client.send(LINE + get("/environ"));
    const { address, port, proxy } = await outcome(client, server, 0);
    assert.deepEqual({ kind, address, port, proxy }, { kind, ...TCP4 });
  }
});

for (const kind of KINDS) {
  test(`${kind}: the access log names the client`, async (t) => {
    const format = "%(h)s %({remote_port}e)s %({proxy_protocol}e)s %({proxy_addr}e)s %({proxy_port}e)s %(s)s";
    const server = await Server.start(t, kind, {
      args: ["cases", "--access-logfile", "-", "--access-logformat", format, "--proxy-protocol"],
    });
    await server.exchange(BLOCK + get("/"));
    await server.waitForLine(/^192\.0\.2\.1 40001 TCP4 198\.51\.100\.2 443 200$/);
  });
}

test("tunicorn: the access log names the proxy for its own health checks, and where the client is not known", async (t) => {
  const server = await Server.start(t, "tunicorn", {
    args: ["cases", "--access-logfile", "-", "--access-logformat", "%(h)s %({proxy_protocol}e)s %({proxy_addr}e)s", "--proxy-protocol"],
  });
  await server.exchange(LOCAL + get("/"));
  await server.waitForLine(/^127\.0\.0\.1 LOCAL -$/);
  await server.exchange(UNKNOWN + get("/"));
  await server.waitForLine(/^127\.0\.0\.1 UNKNOWN -$/);
});

test("tunicorn: a request that is refused behind a header is the client's", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--proxy-protocol"] });
  await server.exchange(`${LINE}get / HTTP/1.1\r\n\r\n`);
  await server.waitForLine(/\[WARNING\] Invalid request from ip=192\.0\.2\.1: Invalid HTTP method: 'get'$/);
});

test("tunicorn: head_timeout covers the header", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--head-timeout", "1", "--proxy-protocol"] });
  const begun = await Promise.all(
    ["PROXY TCP4 192", BLOCK.slice(0, 20), binaryHeader(0x21, 0x11, IPV4_BLOCK, 65535)].map(async (text) => {
      const client = await server.connect();
      client.send(text);
      return client;
    }),
  );
  const silent = await server.connect();
  for (const client of begun) assert.match(await client.readToEnd(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
  assert.equal(await silent.readToEnd(), "");
});

test("tunicorn: TERM with connections inside their headers: they are closed, the server ends", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--proxy-protocol"] });
  const inside = await server.connect();
  inside.send("PROXY TCP4 192");
  const behindIt = await server.connect();
  behindIt.send(LINE + get("/").slice(0, 10));
  assert.equal((await server.exchange(BLOCK + get("/"))).body, "hello\n");
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.equal(await inside.readToEnd(), "");
});

test("tunicorn: 400 hostile beginnings, each answered or closed, none a fault; the server serves on", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--proxy-protocol"] });
  const garbage = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).latin1Slice());
  const beginnings = fc.sample(
    fc.oneof(
      hostileHeader.map(({ bytes }) => bytes),
      garbage,
      garbage.map((text) => BLOCK + text),
    ),
    { numRuns: 400, seed: 11 },
  );
  for (const beginning of beginnings) {
    const client = await Client.connect(server.address);
    client.send(beginning);
    client.halfClose();
    assert.match(await client.readToEnd(), /^(?:$|HTTP\/1\.1 (?:200|400|403|404|408|414|431|501) )/, JSON.stringify(beginning));
    client.close();
  }
  assert.equal((await server.exchange(LINE + get("/"))).body, "hello\n");
  assert.doesNotMatch(server.output(), /fault|Traceback/);
  assert.equal(server.countLines(/Booting worker/), 1);
});
