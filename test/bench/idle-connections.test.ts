import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { openIdleConnections } from "../../bench/idle-connections.ts";

/** A server that gives each client its `greeting` when it has asked. */
async function serve(t: TestContext, onRequest: (socket: Socket, nth: number) => void): Promise<number> {
  let count = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    socket.once("data", () => onRequest(socket, ++count));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("all are open together, each with its answer, and none is lost", async (t) => {
  let asked = 0;
  const port = await serve(t, (socket) => {
    asked++;
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
  });
  const idle = await openIdleConnections(port, 250);
  assert.equal(asked, 250);
  assert.equal(idle.close(), 0);
});

test("connections that the server closed are counted", async (t) => {
  const port = await serve(t, (socket, nth) => {
    if (nth <= 3) socket.end("HTTP/1.1 200 OK\r\n\r\n");
    else socket.write("HTTP/1.1 200 OK\r\n\r\n");
  });
  const idle = await openIdleConnections(port, 10);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(idle.close(), 3);
});

test("a connection without an answer is a failure", async (t) => {
  const port = await serve(t, (socket) => socket.destroy());
  await assert.rejects(openIdleConnections(port, 10));
});
