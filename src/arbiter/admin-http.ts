/** Node's HTTP server with limits for clients that mean no good: the master must not suffer from them, and probes get their answers beside them. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { AdminPage } from "./admin-pages.ts";

/** More than all probes and scrapers of a server have at once. The one that is open the longest makes room for another. */
const CONNECTIONS_MAX = 64;
/** For a whole request. Probes send theirs at once. */
const REQUEST_MS = 5000;
/** Between two requests: longer than probes wait between two looks, so that they keep their connection. */
const IDLE_MS = 60_000;
/** Without progress in any direction: a client that does not read its answer. */
const STALLED_MS = 70_000;
/** How often the limits are looked at. */
const CHECK_MS = 1000;
const HEAD_BYTES_MAX = 8192;

/** @param answer  Of a path without the leading slash. */
export function createAdminServer(answer: (name: string) => AdminPage | undefined): Server {
  const server = createServer(
    {
      connectionsCheckingInterval: CHECK_MS,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
    },
    (request, response) => respond(request, response, answer),
  );
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    const [oldest] = sockets;
    if (sockets.size > CONNECTIONS_MAX) oldest?.destroy();
    socket.on("close", () => sockets.delete(socket));
    socket.setTimeout(STALLED_MS, () => socket.destroy());
  });
  return server;
}

function respond(request: IncomingMessage, response: ServerResponse, answer: (name: string) => AdminPage | undefined): void {
  // A body is nothing that was asked for: the connection ends with it.
  if (request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined)
    response.setHeader("Connection", "close");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD", "Content-Type": "text/plain" }).end("only GET and HEAD\n");
    return;
  }
  const [path = ""] = (request.url ?? "").split("?", 1);
  const page = answer(path.slice(1));
  if (page === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("there are /livez, /readyz, /metrics and /status\n");
    return;
  }
  const length = Buffer.byteLength(page.body);
  response.writeHead(page.status, { "Content-Type": page.type, "Content-Length": length, "Cache-Control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : page.body);
}
