/** A closed loop of WebSocket clients: as few instructions for each message as Node allows, for it shares the machine with the server. */

import { connect, type Socket } from "node:net";

/** Of each message, text. */
export const MESSAGE_BYTES = 32;
const HEAD_BYTES = 2;
const FRAME_BYTES = HEAD_BYTES + MESSAGE_BYTES;
/** FIN and text; masked with four zeros, so that the payload is what it is. */
const FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | MESSAGE_BYTES, 0, 0, 0, 0]), Buffer.alloc(MESSAGE_BYTES, "m")]);
const MS_PER_SECOND = 1000;
/** A rate of nothing is a failure, not a number. */
const SILENT = "no message came back";

export interface WebsocketLoad {
  readonly port: number;
  /** `/echo`: each client sends its next message when it has its last one back. `/broadcast`: one client sends the next when all have the last. */
  readonly path: "/echo" | "/broadcast";
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface WebsocketLoadResult {
  /** That the clients received. */
  readonly messagesPerSecond: number;
  readonly failures: readonly string[];
}

/** Opens a WebSocket without extensions. Rejects when the server does not accept. */
function open({ port, path }: WebsocketLoad): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let head = "";
    const onData = (bytes: Buffer) => {
      head += bytes.latin1Slice();
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", onData);
      if (head.startsWith("HTTP/1.1 101 ")) resolve(socket);
      else reject(new Error(`the handshake was answered ${head.split("\r\n")[0]}`));
    };
    socket.on("data", onData);
    socket.once("error", reject);
    const fields =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
  });
}

/** Measures how many messages clients get in a closed loop. */
export async function runWebsocketLoad(load: WebsocketLoad): Promise<WebsocketLoadResult> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load)));
  let received = 0;
  let closed = 0;
  let measured = false;
  const inRound = load.path === "/broadcast" ? load.connections : 1;
  for (const socket of sockets) {
    let restBytes = 0;
    socket.on("data", (bytes: Buffer) => {
      restBytes += bytes.length;
      for (; restBytes >= FRAME_BYTES; restBytes -= FRAME_BYTES) {
        received++;
        if (inRound === 1) socket.write(FRAME);
        else if (received % inRound === 0) sockets[0]?.write(FRAME);
      }
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      if (!measured) closed++;
    });
  }
  for (const socket of inRound === 1 ? sockets : sockets.slice(0, 1)) socket.write(FRAME);
  await pass(load.warmUpSeconds);
  const [before, beganMs] = [received, performance.now()];
  await pass(load.seconds);
  const messagesPerSecond = ((received - before) * MS_PER_SECOND) / (performance.now() - beganMs);
  measured = true;
  for (const socket of sockets) socket.destroy();
  const failures = [...(closed > 0 ? [`${closed} WebSockets were closed`] : []), ...(messagesPerSecond === 0 ? [SILENT] : [])];
  return { messagesPerSecond, failures };
}

function pass(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * MS_PER_SECOND));
}
