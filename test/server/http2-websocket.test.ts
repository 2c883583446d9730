/** WebSockets on streams of HTTP/2 (RFC 8441), by TLS and without, on whole servers. Gunicorn has none. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deflateRawSync } from "node:zlib";
import { cutFrames, type Fields, GET, HELLO, headers, frame as http2Frame, word } from "../protocol/http2/frames.ts";
import { certificateFile, TLS_SERVER } from "./certificates.ts";
import { waitUntil, withDeadline } from "./deadline.ts";
import { PYTHON, type Scope, Server, temporaryFolder } from "./harness.ts";
import { ask, openSession } from "./http2-client.ts";
import { watchMemory } from "./peak-memory.ts";
import { BINARY, CLOSE, closePayload, frame, PING, TEXT, WebsocketClient } from "./websocket-client.ts";

const [DATA, RST_STREAM, PROTOCOL_ERROR] = [0, 3, 1];
const GOAWAY = http2Frame(7, 0, 0, 8);
const H2_CLIENT = fileURLToPath(new URL("h2_websocket_client.py", import.meta.url));
const MIB = 1024 * 1024;
const APPLICATION = ["websocket_cases:application", "-k", "asgi", "-w", "1", "--access-logfile", "-"];
const BY_TLS = [...TLS_SERVER, "--http-protocols", "h2,h1"];
/** What a process may grow by for a side that does not read: windows, a message, and what allocators keep. */
const GROWTH_BYTES_MAX = 48 * MIB;
/** Windows, kernels' buffers: what a sender whom nobody hears is let send. */
const UNHEARD_BYTES_MAX = 40 * MIB;

/** Cleaned up behind the file's last test. */
const cleanUps: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
let server: Server;
let session: ClientHttp2Session;

before(async () => {
  server = await Server.start(scope, "tunicorn", { args: [...APPLICATION, ...BY_TLS] });
  session = await sessionWith(scope, server);
});

after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

/** A client that knows whether it may ask: the server's settings have come. */
async function sessionWith(t: Scope, to: Server, scheme = "https"): Promise<ClientHttp2Session> {
  const made = openSession(t, `${scheme}://localhost:${to.address}`, { host: "127.0.0.1" } as object);
  await withDeadline<void>("waiting for the server's settings", (resolve) => made.once("remoteSettings", () => resolve()));
  return made;
}

interface Asked {
  readonly stream: ClientHttp2Stream;
  readonly answer: IncomingHttpHeaders;
}

async function askFor(from: ClientHttp2Session, path: string, more: OutgoingHttpHeaders = {}): Promise<Asked> {
  const fields = { ":method": "CONNECT", ":protocol": "websocket", ":path": path, "sec-websocket-version": "13", ...more };
  const stream = from.request(fields, { endStream: false });
  stream.on("error", () => {});
  const answer = await withDeadline<IncomingHttpHeaders>(`asking for ${path}`, (resolve, reject) => {
    stream.once("response", resolve);
    stream.once("close", () => reject(new Error(`closed with ${stream.rstCode}`)));
  });
  return { stream, answer };
}

type Client = WebsocketClient<ClientHttp2Stream>;

async function accepted(from: ClientHttp2Session, path: string, more: OutgoingHttpHeaders = {}): Promise<Client> {
  const { stream, answer } = await askFor(from, path, more);
  assert.equal(answer[":status"], 200, path);
  return new WebsocketClient(stream);
}

/** Answers the server's close frame as a client does. */
async function closedBy(client: Client): Promise<string> {
  const received = await client.next();
  assert.equal(received?.opcode, CLOSE);
  client.send(frame(CLOSE, received.payload));
  assert.deepEqual(await client.rest(), ["end"]);
  return `${received.payload.readUInt16BE(0)} ${received.payload.toString("utf8", 2)}`;
}

test("the client is told that it may, and the application of HTTP/2 and wss", async () => {
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const client = await accepted(session, "/scope?a=%20b", { "sec-websocket-protocol": "chat, super.chat", "x-a": "b" });
  const told = await client.message();
  for (const fact of [
    "('http_version', '2')",
    "('scheme', 'wss')",
    "('type', 'websocket')",
    "('path', '/scope')",
    "('query_string', b'a=%20b')",
    "('subprotocols', ['chat', 'super.chat'])",
  ]) {
    assert.ok(told.includes(fact), `${fact} in ${told}`);
  }
  assert.match(await client.message(), /^\['host', .*'x-a'/);
  client.close();
});

test("the answer: subprotocol, headers, no proof; messages; both close frames; the line of the access log", async () => {
  const { answer } = await askFor(session, "/subprotocol?name=chat", { "sec-websocket-protocol": "chat", "sec-websocket-key": "x" });
  assert.deepEqual([answer["sec-websocket-protocol"], answer["sec-websocket-accept"], answer.server], ["chat", undefined, "tunicorn"]);
  assert.equal(typeof answer.date, "string");
  assert.equal((await askFor(session, "/headers")).answer["x-one"], "1");
  const client = await accepted(session, "/echo?tag=tunnelled");
  client.send(frame(TEXT, "h\xe9"));
  assert.equal(await client.message(), "h\xe9");
  client.send(frame(PING, "p"));
  assert.equal((await client.next())?.payload.latin1Slice(), "p");
  await client.sendBytewise(frame(BINARY, "bytewise"));
  assert.equal(await client.message(), "bytewise");
  client.send(frame(CLOSE, closePayload(4001, "bye")));
  assert.deepEqual(await client.rest(), ["close 4001 bye", "end"]);
  await server.waitForLine(/^app tunnelled disconnect 4001 bye/);
  // Two frames of messages, a pong, a close frame.
  await server.waitForLine(/"CONNECT \/echo\?tag=tunnelled HTTP\/2\.0" 200 25 /);
});

test("messages of megabytes both ways, beside ordinary requests", async () => {
  const big = await accepted(session, "/big?bytes=8388608");
  const echo = await accepted(session, "/echo");
  const message = Buffer.alloc(3 * MIB, "0123456789");
  echo.send(frame(BINARY, message));
  const [came, back, ...answers] = await Promise.all([
    big.bytes(),
    echo.bytes(),
    ...Array.from({ length: 20 }, () => ask(session, { ":path": "/" })),
  ]);
  assert.equal(came.length, 8 * MIB);
  assert.ok(back.equals(message));
  assert.ok(answers.every(({ status }) => status === 200));
  big.close();
  echo.close();
});

test("compression", async () => {
  const { stream, answer } = await askFor(session, "/echo", {
    "sec-websocket-extensions": "permessage-deflate; client_no_context_takeover",
  });
  assert.match(answer["sec-websocket-extensions"] ?? "", /^permessage-deflate/);
  const client = new WebsocketClient(stream);
  const text = "again ".repeat(1000);
  // RFC 7692 §7.2.1: without the last four bytes.
  client.send(frame(TEXT, deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4), { reserved: 0x40 }));
  const received = await client.next();
  assert.ok(received?.compressed && received.payload.length < 200);
  client.close();
});

test("the packages h2 and wsproto", async () => {
  const { stdout } = await promisify(execFile)(PYTHON, [H2_CLIENT, String(server.address), certificateFile("ca.pem")]);
  assert.equal(stdout, "200 'h\xe9llo' True [(4001, 'bye')]\n");
});

for (const { name, path, more = {}, status, fields = {}, body } of [
  { name: "an application that closes first", path: "/deny", status: 403, body: "" },
  { name: "an application that fails", path: "/fail", status: 500, body: "" },
  { name: "a denial of its own", path: "/denial", status: 401, fields: { "x-why": "not today" }, body: "go away" },
  {
    name: "another version",
    path: "/echo",
    more: { "sec-websocket-version": "8" },
    status: 400,
    fields: { "sec-websocket-version": "13", upgrade: undefined },
  },
  { name: "another protocol", path: "/echo", more: { ":protocol": "connect-udp" }, status: 501 },
  { name: "a path that is none", path: "echo", status: 400 },
] as { name: string; path: string; more?: OutgoingHttpHeaders; status: number; fields?: Record<string, unknown>; body?: string }[]) {
  test(`refused: ${name}`, async () => {
    const { stream, answer } = await askFor(session, path, more);
    assert.equal(answer[":status"], status);
    for (const [field, value] of Object.entries(fields)) assert.equal(answer[field], value, field);
    const text = await new WebsocketClient(stream).body();
    if (body !== undefined) assert.equal(text, body);
    assert.equal((await ask(session, { ":path": "/" })).status, 200);
  });
}

test("a client that breaks WebSocket's rules is told so", async () => {
  const client = await accepted(session, "/echo?tag=unmasked");
  client.send(frame(TEXT, "x", { masked: false }));
  assert.deepEqual(await client.rest(), ["close 1002 Frame not masked", "end"]);
  await server.waitForLine(/^app unmasked disconnect 1006/);
});

test("a client that cancels, or ends its stream without a close frame, is gone; its connection is not", async () => {
  const cancelled = await accepted(session, "/echo?tag=cancelled");
  cancelled.socket.close(8);
  await server.waitForLine(/^app cancelled disconnect 1006/);
  const ended = await accepted(session, "/echo?tag=ended");
  ended.socket.end();
  assert.deepEqual(await ended.rest(), ["end"]);
  await server.waitForLine(/^app ended disconnect 1006/);
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
});

test("send() waits for a client that does not read, and others of its connection do not", async (t) => {
  const note = join(temporaryFolder(t), "note");
  const growth = watchMemory(server);
  const client = await accepted(session, `/flood?bytes=20000&note=${note}`);
  client.socket.pause();
  await waitUntil("waiting for it to send", () => existsSync(note));
  const sentBytes = () => Number(readFileSync(note, "utf8").split(" ")[1]);
  const sent = await waitUntil("waiting for the sender to stand still", async () => {
    const was = sentBytes();
    for (let n = 0; n < 5; n++) assert.equal((await ask(session, { ":path": "/" })).status, 200);
    return was === sentBytes() ? was : undefined;
  });
  assert.ok(sent < UNHEARD_BYTES_MAX, `${sent} bytes went through`);
  for (const { role, grownBytes } of growth()) assert.ok(grownBytes < GROWTH_BYTES_MAX, `the ${role} grew by ${grownBytes} bytes`);
  client.socket.resume();
  await waitUntil("waiting for it to go on", () => sentBytes() > sent);
  client.close();
  await server.waitForLine(/^app flood ended/);
});

test("an application that does not receive stops its client, and nobody else of its connection", async (t) => {
  const gate = join(temporaryFolder(t), "gate");
  const growth = watchMemory(server);
  const client = await accepted(session, `/stay?gate=${gate}`);
  const message = frame(BINARY, Buffer.alloc(16384, 1));
  const all = 10 * UNHEARD_BYTES_MAX;
  let sent = 0;
  for (let stalled = false; !stalled; sent += message.length) {
    assert.ok(sent < all, "the client is never stopped");
    stalled = !client.socket.write(message) && !(await takenMeanwhile(client));
  }
  for (const { role, grownBytes } of growth()) assert.ok(grownBytes < GROWTH_BYTES_MAX, `the ${role} grew by ${grownBytes} bytes`);
  writeFileSync(gate, "");
  client.send(frame(TEXT, "count"));
  const messages = sent / message.length;
  assert.equal(await client.message(), `${messages} ${messages * 16384}`);
  client.close();
});

/** Whether what a client has to send leaves it while its connection serves twenty other requests. */
async function takenMeanwhile(client: Client): Promise<boolean> {
  for (let n = 0; n < 20 && client.socket.writableLength > 0; n++) await ask(session, { ":path": "/" });
  return client.socket.writableLength === 0;
}

test("without TLS: ws; HUP closes with 1012 and the connection goes on; TERM with 1001 and GOAWAY", async (t) => {
  const plain = await Server.start(t, "tunicorn", {
    args: [...APPLICATION, "--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"],
  });
  const asked = await sessionWith(t, plain, "http");
  const client = await accepted(asked, "/scope?tag=plain");
  assert.match(await client.message(), /\('scheme', 'ws'\)/);
  await client.message();
  const old = await accepted(asked, "/pid?tag=old");
  const pid = await old.message();
  plain.signal("SIGHUP");
  assert.deepEqual([await closedBy(old), await closedBy(client)], ["1012 Service restart", "1012 Service restart"]);
  await plain.waitForLine(/reload done gen=1 workers=1$/);
  const next = await accepted(asked, "/pid?tag=next");
  assert.notEqual(await next.message(), pid);
  const goaway = new Promise((resolve) => asked.once("goaway", (code) => resolve(code)));
  plain.signal("SIGTERM");
  assert.equal(await closedBy(next), "1001 Server is stopping");
  assert.equal(await goaway, 0);
  assert.deepEqual(await plain.exit(), { code: 0, signal: null });
  assert.match(plain.output(), /^app next disconnect 1001/m);
});

test("workers of WSGI: nobody is told that he may, and who asks all the same is reset", async (t) => {
  const wsgi = await Server.start(t, "tunicorn", { args: ["cases", "--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"] });
  const asked = await sessionWith(t, wsgi, "http");
  assert.equal(asked.remoteSettings.enableConnectProtocol, false);
  const client = await wsgi.connect();
  const fields: Fields = [[":method", "CONNECT"], [":protocol", "websocket"], ...GET.slice(1), ["sec-websocket-version", "13"]];
  client.send(Buffer.concat([HELLO, headers(1, fields, { endStream: false }), headers(3), GOAWAY]).latin1Slice());
  const { frames } = cutFrames(Buffer.from(await client.readToEnd(), "latin1"));
  const seen = frames.filter(({ streamId }) => streamId > 0).map(({ type, streamId, payload }) => [streamId, type, payload]);
  assert.deepEqual(seen[0], [1, RST_STREAM, word(PROTOCOL_ERROR)]);
  assert.ok(seen.some(([id, type, payload]) => id === 3 && type === DATA && String(payload) === "hello\n"));
});
