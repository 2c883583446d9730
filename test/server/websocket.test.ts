/** WebSockets of asgi workers, beside Gunicorn's: handshakes, closes both ways, what the application sees. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Case, compareServers, type Observation } from "./differential.ts";
import { type Scope, Server } from "./harness.ts";
import { CLOSE, closePayload, frame, handshake, PING, PROOF, TEXT, WebsocketClient } from "./websocket-client.ts";

const ARGS = ["websocket_cases:application", "-k", "asgi"];

/** Values of a field of a head, lower-case names: `valuesOf(head, "x-one")`. */
function valuesOf(head: string, name: string): string[] {
  return head.split("\r\n").flatMap((line) => {
    const [, field = "", value = ""] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    return field.toLowerCase() === name ? [value] : [];
  });
}

/** A case of a handshake that is refused: its facts are the answer's. */
function refused(name: string, request: string, expected: Observation, tunicorn: Observation = {}): Case {
  const run = async (server: Server) => {
    const client = await WebsocketClient.open(server.address, request);
    try {
      const statusLine = client.head.split("\r\n")[0] ?? "";
      const body = await client.body();
      const version = valuesOf(client.head, "sec-websocket-version");
      // What the gateway itself refuses gets its page, which says why; Gunicorn's says the status.
      return / 4(?:00|26) /.test(statusLine) ? { statusLine, version } : { statusLine, version, body };
    } finally {
      client.close();
    }
  };
  return { name, run, expected, tunicorn };
}

/** A case of a WebSocket that is opened: `run` says what it shows. */
function opened(
  name: string,
  target: string,
  run: (client: WebsocketClient, server: Server) => Promise<Observation>,
  expected: Observation,
  tunicorn: Observation = {},
): Case {
  const withClient = async (server: Server) => {
    const client = await WebsocketClient.accepted(server.address, target);
    try {
      return await run(client, server);
    } finally {
      client.close();
    }
  };
  return { name, run: withClient, expected, tunicorn };
}

/** The client closes: what the server answers, and what its application is told. */
function clientCloses(name: string, tag: string, payload: Buffer, answer: string, told: RegExp, tunicornTold = told): Case {
  return {
    ...opened(
      name,
      `/echo?tag=${tag}`,
      async (client, server) => {
        client.send(frame(CLOSE, payload));
        const seen = await client.rest();
        await server.waitForLine(new RegExp(`^app ${tag} disconnect ${(server.kind === "tunicorn" ? tunicornTold : told).source}`));
        return { seen };
      },
      { seen: [answer, "end"] },
    ),
  };
}

const UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
const KEY_AND_VERSION = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const request = (fields: string, line = "GET /echo HTTP/1.1") => `${line}\r\nHost: h\r\n${fields}\r\n`;
const ORDINARY = { statusLine: "HTTP/1.1 200 OK" };
/** Gunicorn's empty refusals have neither Server nor Date. */
const FORBIDDEN = { statusLine: "HTTP/1.1 403 Forbidden", body: "" };

compareServers("WebSocket handshakes", { args: ARGS }, [
  {
    name: "the answer",
    run: async (server) => {
      const { head } = await WebsocketClient.accepted(server.address, "/echo");
      const [statusLine] = head.split("\r\n");
      return { statusLine, proof: valuesOf(head, "sec-websocket-accept"), upgrade: valuesOf(head, "upgrade"), head };
    },
    expected: {
      proof: [PROOF],
      head: `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${PROOF}\r\n\r\n`,
    },
  },
  opened("the scope", "/scope?a=%20b", async (client) => ({ scope: await client.message(), names: await client.message() }), {
    scope:
      "[('asgi', {'version': '3.0', 'spec_version': '2.4'}), ('http_version', '1.1'), ('path', '/scope'), ('query_string', b'a=%20b'), " +
      "('raw_path', b'/scope'), ('root_path', ''), ('scheme', 'ws'), ('subprotocols', []), ('type', 'websocket')]",
  }),
  {
    name: "subprotocols: all that the client offers are in the scope, the application's choice is in the answer",
    run: async (server) => {
      const client = await WebsocketClient.accepted(server.address, "/scope", "Sec-WebSocket-Protocol: chat ,super.chat\r\n");
      const scope = await client.message();
      const { head } = await WebsocketClient.accepted(server.address, "/subprotocol?name=chat", "Sec-WebSocket-Protocol: chat\r\n");
      return { offered: /'subprotocols', (\[.*?\])/.exec(scope)?.[1], chosen: valuesOf(head, "sec-websocket-protocol") };
    },
    expected: { offered: "['chat', 'super.chat']", chosen: ["chat"] },
  },
  {
    name: "headers of the application",
    run: async (server) => {
      const { head } = await WebsocketClient.accepted(server.address, "/headers");
      return { one: valuesOf(head, "x-one"), cookies: valuesOf(head, "set-cookie") };
    },
    expected: { one: ["1"], cookies: ["a=b", "c=d"] },
  },
  refused("a header that would forge another", handshake("/headers?bad"), { statusLine: "HTTP/1.1 500 Internal Server Error" }),
  refused("closed before it was accepted", handshake("/deny"), FORBIDDEN),
  refused("an application that returns", handshake("/return"), FORBIDDEN),
  refused("an application that fails", handshake("/fail"), { statusLine: "HTTP/1.1 500 Internal Server Error", body: "" }),
  refused("another version", handshake("/echo", "", { version: "12" }), {
    statusLine: "HTTP/1.1 426 Upgrade Required",
    version: ["13"],
  }),
  refused("no version", request(`${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`), {
    statusLine: "HTTP/1.1 426 Upgrade Required",
  }),
  refused("no key", request(`${UPGRADE}Sec-WebSocket-Version: 13\r\n`), { statusLine: "HTTP/1.1 400 Bad Request" }),
  refused("a key of another length", handshake("/echo", "", { key: "c2hvcnQ=" }), { statusLine: "HTTP/1.1 400 Bad Request" }),
  refused("a key that is no base64", handshake("/echo", "", { key: "dGhlIHNhbXBsZSBub25jZQ!!" }), {
    statusLine: "HTTP/1.1 400 Bad Request",
  }),
  refused("POST", request(`Content-Length: 0\r\nConnection: close\r\n${UPGRADE}${KEY_AND_VERSION}`, "POST /echo HTTP/1.1"), ORDINARY),
  refused("without Connection", request(`Upgrade: websocket\r\n${KEY_AND_VERSION}Connection: close\r\n`), ORDINARY),
  refused("another protocol", request(`Upgrade: h3\r\nConnection: Upgrade, close\r\n${KEY_AND_VERSION}`), ORDINARY),
  {
    name: "names in other letters, and Connection as a list",
    run: async (server) => {
      const fields = `UPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n${KEY_AND_VERSION}`;
      const client = await WebsocketClient.open(server.address, request(fields));
      return { statusLine: client.head.split("\r\n")[0] };
    },
    expected: { statusLine: "HTTP/1.1 101 Switching Protocols" },
  },
]);

compareServers("closing a WebSocket", { args: [...ARGS, "--websocket-max-message-size", "1000"] }, [
  opened("the application: no code", "/close", (client) => closedBy(client), { seen: "close 1000" }),
  opened("the application: code and reason", "/close?code=4001&reason=bye", (client) => closedBy(client), { seen: "close 4001 bye" }),
  opened("the application: a long reason is cut", "/close?code=3000&reason=x&times=200", (client) => closedBy(client), {
    seen: `close 3000 ${"x".repeat(123)}`,
  }),
  opened("the application returns", "/return?accepted", (client) => closedBy(client), { seen: "close 1011 Application error" }),
  opened("the application fails", "/fail?accepted", (client) => closedBy(client), { seen: "close 1011 Application error" }),
  clientCloses("the client: code and reason", "given", closePayload(4002, "enough"), "close 4002 enough", /4002/, /4002 enough/),
  clientCloses("the client: no code", "none", Buffer.alloc(0), "close 1000", /1005/),
  clientCloses("the client: a code that may not be sent", "forbidden", closePayload(1005), "close 1002 Invalid close code", /1005/, /1006/),
  clientCloses("the client: one byte", "one-byte", Buffer.from([3]), "close 1002 Invalid close payload", /1002/, /1006/),
  clientCloses(
    "the client: a reason that is no text",
    "no-text",
    closePayload(1000, Buffer.from([0xff])),
    "close 1007 Invalid UTF-8",
    /1000/,
    /1006/,
  ),
  opened(
    "a message of the largest size",
    "/echo",
    async (client) => {
      client.send(frame(TEXT, "x".repeat(1000)));
      return { bytes: (await client.bytes()).length };
    },
    { bytes: 1000 },
  ),
  opened(
    "a larger one",
    "/echo?tag=larger",
    async (client, server) => {
      client.send(frame(TEXT, "x".repeat(1001)));
      const seen = await client.rest();
      await server.waitForLine(/^app larger disconnect 1006/);
      return { seen };
    },
    { seen: ["close 1009 Message too big", "end"] },
  ),
  opened(
    "one that would be larger: refused before it has come",
    "/echo",
    async (client) => {
      client.send(frame(TEXT, "", { declaredBytes: 1001 }));
      return { seen: await client.rest() };
    },
    { seen: ["close 1009 Message too big", "end"] },
  ),
  opened(
    "fragments that are larger together",
    "/echo",
    async (client) => {
      client.send(frame(TEXT, "x".repeat(600), { fin: false }), frame(0, "x".repeat(600)));
      return { seen: await client.rest() };
    },
    { seen: ["close 1009 Message too big", "end"] },
  ),
  opened(
    "a client that is gone",
    "/echo?tag=gone",
    async (client, server) => {
      client.socket.resetAndDestroy();
      await server.waitForLine(/^app gone disconnect 1006/);
      return {};
    },
    {},
  ),
  opened(
    "a client that only ends its side",
    "/echo?tag=half",
    async (client, server) => {
      client.socket.end();
      await server.waitForLine(/^app half disconnect 1006/);
      return { seen: await client.rest() };
    },
    { seen: ["end"] },
  ),
  opened(
    "a ping, and a ping without bytes",
    "/echo",
    async (client) => {
      client.send(frame(PING, "are you there"), frame(PING), frame(CLOSE, closePayload(1000)));
      return { seen: await client.rest() };
    },
    { seen: ["pong are you there", "pong ", "close 1000", "end"] },
  ),
]);

/** The server's close frame; answered, so that it ends. */
async function closedBy(client: WebsocketClient): Promise<Observation> {
  const received = await client.next();
  assert.equal(received?.opcode, CLOSE);
  client.send(frame(CLOSE, received.payload));
  assert.deepEqual(await client.rest(), ["end"]);
  const reason = received.payload.toString("utf8", 2);
  return { seen: `close ${received.payload.readUInt16BE(0)} ${reason}`.trimEnd() };
}

compareServers("what the application may say", { args: ARGS }, [
  opened(
    "messages out of order are refused at their place",
    "/misuse",
    async (_client, server) => {
      await server.waitForLine(/^app misuse WebSocket not accepted/);
      await server.waitForLine(/^app misuse taken websocket.unknown/);
      await server.waitForLine(/^app misuse WebSocket already accepted/);
      return {};
    },
    {},
  ),
  opened(
    "after its close",
    "/close?code=4007",
    async (client, server) => {
      await closedBy(client);
      await server.waitForLine(/^app close then \{'type': 'websocket.disconnect', 'code': 4007/);
      await server.waitForLine(/^app send after close True True/);
      return {};
    },
    {},
  ),
]);

const start = (t: Scope, args: readonly string[] = []) => Server.start(t, "tunicorn", { args: [...ARGS, "-w", "1", ...args] });

test("what only Tunicorn does", async (t) => {
  const server = await start(t, ["--access-logfile", "-"]);
  const { address } = server;

  await t.test("frames in the handshake's packet are not lost", async () => {
    const client = await WebsocketClient.open(address, handshake("/echo"), frame(TEXT, "early"));
    assert.equal(await client.message(), "early");
    client.close();
  });

  await t.test("an Upgrade of HTTP/1.0 is ignored, and one with a body", async () => {
    const old = await WebsocketClient.open(address, request(UPGRADE + KEY_AND_VERSION, "GET /echo HTTP/1.0"));
    assert.equal(await old.body(), "an ordinary request");
    const fields = `Upgrade: websocket\r\nConnection: Upgrade, close\r\n${KEY_AND_VERSION}Content-Length: 2\r\n`;
    const client = await WebsocketClient.open(address, `${request(fields)}hi`);
    assert.equal(await client.body(), "an ordinary request");
  });

  await t.test("two keys are refused, and the log says why", async () => {
    const client = await WebsocketClient.open(
      address,
      request(`${UPGRADE}${KEY_AND_VERSION}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`),
    );
    assert.match(client.head, /^HTTP\/1\.1 400 /);
    await server.waitForLine(/Invalid request from ip=127\.0\.0\.1: Invalid WebSocket key/);
  });

  await t.test("fields of the handshake are not the application's", async () => {
    const { head } = await WebsocketClient.accepted(address, "/headers?own");
    assert.deepEqual([valuesOf(head, "sec-websocket-accept"), valuesOf(head, "sec-websocket-extensions")], [[PROOF], []]);
    assert.deepEqual(valuesOf(head, "upgrade"), ["websocket"]);
  });

  await t.test("a denial is an HTTP answer", async () => {
    const client = await WebsocketClient.open(address, handshake("/denial"));
    assert.match(client.head, /^HTTP\/1\.1 401 Unauthorized\r\n/);
    assert.deepEqual(valuesOf(client.head, "x-why"), ["not today"]);
    client.close();
    await server.waitForLine(/^app denial offered True/);
    await server.waitForLine(/^app accept after denial WebSocket already denied/);
  });

  await t.test("a denial that stops or fails: 500 while nothing was sent, else cut", async () => {
    const stopped = await WebsocketClient.open(address, handshake("/denial?stops"));
    assert.match(stopped.head, /^HTTP\/1\.1 500 /);
    const failed = await WebsocketClient.open(address, handshake("/denial?fails"));
    assert.match(failed.head, /^HTTP\/1\.1 401 /);
    assert.equal(await failed.body(), "4\r\nhalf\r\n");
    await server.waitForLine(/ValueError: this denial fails/);
  });

  await t.test("the access log has a line for a WebSocket when it is over, and for one that is refused", async () => {
    const client = await WebsocketClient.accepted(address, "/echo?logged");
    client.send(frame(TEXT, "hello"));
    await client.message();
    client.send(frame(CLOSE, closePayload(1000)));
    await client.rest();
    // Seven bytes for the message, four for the close.
    await server.waitForLine(/"GET \/echo\?logged HTTP\/1\.1" 101 11 /);
    await WebsocketClient.open(address, handshake("/deny?logged"));
    await server.waitForLine(/"GET \/deny\?logged HTTP\/1\.1" 403 0 /);
  });

  await t.test("a code that may not be sent is the application's error", async () => {
    const client = await WebsocketClient.accepted(address, "/close?code=1006");
    client.send(frame(CLOSE, closePayload(1000)));
    assert.deepEqual(await client.rest(), ["close 1011 Application error", "end"]);
    await server.waitForLine(/ValueError: 1006 is no close code that may be sent/);
  });

  await t.test("a client that does not answer our close frame is left after a while", async () => {
    const client = await WebsocketClient.accepted(address, "/close?code=4005");
    assert.deepEqual(await client.rest(), ["close 4005", "end"]);
  });

  await t.test("a large message, and two at once, come whole and unmixed", async () => {
    const big = await WebsocketClient.accepted(address, "/big?bytes=3000064");
    assert.ok((await big.bytes()).equals(Buffer.alloc(3_000_064, Buffer.from(Array.from({ length: 256 }, (_, n) => n)))));
    big.close();
    const both = await WebsocketClient.accepted(address, "/two-senders");
    assert.deepEqual([await both.message(), await both.message()], ["a".repeat(300_000), "b".repeat(300_000)]);
    both.close();
  });

  await t.test("a large message of the client, echoed", async () => {
    const client = await WebsocketClient.accepted(address, "/echo");
    const text = "äöü".repeat(100_000);
    client.send(frame(TEXT, text));
    assert.equal(await client.message(), text);
    client.close();
  });
});

test("blocking workers know no WebSockets: the handshake is an ordinary request", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-k", "gthread"] });
  const client = await WebsocketClient.open(
    server.address,
    handshake("/", "").replace("Connection: Upgrade", "Connection: Upgrade, close"),
  );
  assert.match(client.head, /^HTTP\/1\.1 200 /);
});

test("more open WebSockets than worker_connections: they are no requests any more", async (t) => {
  const server = await start(t, ["--worker-connections", "2"]);
  const clients: WebsocketClient[] = [];
  for (let n = 0; n < 6; n++) clients.push(await WebsocketClient.accepted(server.address, "/echo"));
  for (const client of clients) {
    client.send(frame(TEXT, "here"));
    assert.equal(await client.message(), "here");
  }
  assert.equal((await server.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).body, "an ordinary request");
  for (const client of clients) client.close();
});
