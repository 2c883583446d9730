import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { MESSAGE_BYTES, runWebsocketLoad } from "../../bench/websocket-load.ts";

const CLIENT_FRAME_BYTES = 6 + MESSAGE_BYTES;
const SERVER_FRAME = Buffer.concat([Buffer.from([0x81, MESSAGE_BYTES]), Buffer.alloc(MESSAGE_BYTES, "m")]);

/** A server that accepts and hands each message of a client to `onMessage`. */
async function serve(t: TestContext, answer: string, onMessage: (socket: Socket, all: readonly Socket[]) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    let bytes = -1;
    socket.on("data", (chunk: Buffer) => {
      if (bytes < 0) {
        bytes = 0;
        socket.write(answer);
        return;
      }
      for (bytes += chunk.length; bytes >= CLIENT_FRAME_BYTES; bytes -= CLIENT_FRAME_BYTES) onMessage(socket, sockets);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
const LOAD = { connections: 4, warmUpSeconds: 0, seconds: 0.05 };
const LONGEST_SECONDS = 10;

/** On a loaded machine this process may not run for as long as the load lasts: then it lasts longer. */
async function runUntilHeard(port: number, path: "/echo" | "/broadcast") {
  let result = await runWebsocketLoad({ ...LOAD, port, path });
  for (let { seconds } = LOAD; result.messagesPerSecond === 0 && seconds < LONGEST_SECONDS; ) {
    seconds *= 4;
    result = await runWebsocketLoad({ ...LOAD, port, path, seconds });
  }
  return result;
}

test("each client of an echo sends on when it has its message back", async (t) => {
  let messages = 0;
  const port = await serve(t, ACCEPTED, (socket) => {
    messages++;
    socket.write(SERVER_FRAME);
  });
  const { messagesPerSecond, failures } = await runUntilHeard(port, "/echo");
  assert.deepEqual(failures, []);
  assert.ok(messages > LOAD.connections && messagesPerSecond > 0);
});

test("a broadcast goes on when all have it", async (t) => {
  let rounds = 0;
  const port = await serve(t, ACCEPTED, (_socket, all) => {
    rounds++;
    for (const socket of all) socket.write(SERVER_FRAME);
  });
  const { messagesPerSecond, failures } = await runUntilHeard(port, "/broadcast");
  assert.deepEqual(failures, []);
  assert.ok(rounds > 1 && messagesPerSecond > 0);
});

test("a server that closes, or says nothing, is a failure", async (t) => {
  const closing = await serve(t, ACCEPTED, (socket) => socket.destroy());
  const { failures } = await runWebsocketLoad({ ...LOAD, port: closing, path: "/echo" });
  assert.deepEqual(failures, ["4 WebSockets were closed", "no message came back"]);
  const silent = await serve(t, ACCEPTED, () => {});
  assert.deepEqual((await runWebsocketLoad({ ...LOAD, port: silent, path: "/echo" })).failures, ["no message came back"]);
});

test("a handshake that is refused is an error", async (t) => {
  const port = await serve(t, "HTTP/1.1 403 Forbidden\r\n\r\n", () => {});
  await assert.rejects(runWebsocketLoad({ ...LOAD, port, path: "/echo" }), /answered HTTP\/1\.1 403 Forbidden/);
});
