import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createAdminServer } from "../../src/arbiter/admin-http.ts";

/** Everything that a client gets until the server closes, or until `enough` is in it. */
async function converse(socket: Socket, text: string, enough?: string): Promise<string> {
  let got = "";
  socket.setEncoding("latin1");
  await new Promise<void>((fulfil) => {
    socket.on("data", (data: string) => {
      got += data;
      if (enough !== undefined && got.includes(enough)) fulfil();
    });
    socket.on("error", () => {});
    socket.on("close", () => fulfil());
    socket.write(text);
  });
  return got;
}

async function stage(t: TestContext) {
  const server = createAdminServer((name) => (name === "page" ? { status: 200, type: "text/x", body: "grüß\n" } : undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return async () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
}

const CLOSE = "Host: x\r\nConnection: close\r\n\r\n";

test("pages for GET and HEAD, with and without a query", async (t) => {
  const open = await stage(t);
  const got = await converse(await open(), `GET /page?now HTTP/1.1\r\n${CLOSE}`);
  assert.match(got, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/x\r\nContent-Length: 7\r\nCache-Control: no-store\r\n/);
  assert.ok(got.endsWith("\r\n\r\ngr\xc3\xbc\xc3\x9f\n"));
  assert.match(await converse(await open(), `HEAD /page HTTP/1.1\r\n${CLOSE}`), /Content-Length: 7\r\n[\s\S]*\r\n\r\n$/);
});

for (const [request, status] of [
  [`GET / HTTP/1.1\r\n${CLOSE}`, 404],
  [`GET //page HTTP/1.1\r\n${CLOSE}`, 404],
  [`GET http://x/page HTTP/1.1\r\n${CLOSE}`, 404],
  [`POST /page HTTP/1.1\r\nContent-Length: 3\r\n${CLOSE}abc`, 405],
  [`DELETE /page HTTP/1.1\r\n${CLOSE}`, 405],
  ["nonsense\r\n\r\n", 400],
  [`GET /page HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n${CLOSE}`, 431],
] as const) {
  test(`${request.slice(0, 30).trim()} is answered ${status}`, async (t) => {
    const open = await stage(t);
    assert.match(await converse(await open(), request), new RegExp(`^HTTP/1.1 ${status} `));
  });
}

test("a body ends its connection", async (t) => {
  const open = await stage(t);
  const got = await converse(await open(), "GET /page HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  assert.match(got, /^HTTP\/1\.1 200 [\s\S]*Connection: close/);
});

test("clients that only hold connections cannot keep others out", async (t) => {
  const open = await stage(t);
  const idle = await Promise.all(Array.from({ length: 80 }, open));
  const got = await converse(await open(), "GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "gr\xc3");
  assert.match(got, /^HTTP\/1\.1 200 /);
  const ended = idle.filter((socket) => socket.closed || socket.readableEnded || socket.destroyed);
  await Promise.all(idle.slice(0, 10).map((socket) => socket.closed || once(socket.resume(), "close")));
  assert.ok(ended.length <= 17);
});
