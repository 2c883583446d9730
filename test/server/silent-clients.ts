/** Clients that are there when a server stops and say nothing, for the ordinary test and for the soak that measures. */

import { type Scope, Server } from "./harness.ts";

/** A request that leaves the connection open. */
export const KEPT = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
/** Of those that have never said anything, and of those that wait between two requests. */
const CLIENTS = 20;

/** Starts a server with such clients. They do not close when the server does: they are half-open to the end. */
export async function serverWithSilentClients(scope: Scope): Promise<Server> {
  // Idle connections are worth a line for debugging only.
  const server = await Server.start(scope, "tunicorn", { args: ["cases", "--graceful-timeout", "30", "--log-level", "debug"] });
  const silent = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
  const idle = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
  for (const client of [...silent, ...idle]) client.socket.allowHalfOpen = true;
  for (const client of idle) {
    client.send(KEPT);
    await client.readResponse();
  }
  return server;
}
