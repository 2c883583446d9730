import { connect, type Socket } from "node:net";

/** So many are opened at once: fewer than any server's queue of connections that it has not accepted yet. */
const OPENED_AT_ONCE = 100;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

export interface IdleConnections {
  /** Closes all. @returns  How many the server had closed before. */
  close(): number;
}

/** A connection that has had the first bytes of an answer. Rejects when there is none. */
function openOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => socket.write(REQUEST));
    socket.once("data", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("a connection was closed without an answer")));
  });
}

/** Opens connections to 127.0.0.1, asks one question on each, and keeps them. */
export async function openIdleConnections(port: number, count: number): Promise<IdleConnections> {
  const sockets: Socket[] = [];
  try {
    while (sockets.length < count) {
      const some = Math.min(OPENED_AT_ONCE, count - sockets.length);
      const opened = await Promise.allSettled(Array.from({ length: some }, () => openOne(port)));
      for (const result of opened) if (result.status === "fulfilled") sockets.push(result.value);
      for (const result of opened) if (result.status === "rejected") throw result.reason;
    }
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  }
  return {
    close() {
      const closed = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}
