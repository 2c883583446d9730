/** The engine on real sockets, for clients that are programs (h2spec, h2load): the thinnest shell there can be. */

import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import { Http2Engine, type Http2Handler } from "../../../src/protocol/http2/engine.ts";
import { OutputPool } from "../../../src/protocol/http2/output-pool.ts";
import type { Http2Policy } from "../../../src/protocol/http2/policy.ts";
import { responseFields } from "../../../src/protocol/http2/response-fields.ts";
import type { Http2Stream } from "../../../src/protocol/http2/stream.ts";
import { PEER, policy } from "./harness.ts";

const DATE = "Sat, 21 Nov 2026 00:00:00 GMT";
const SHORT = Buffer.from("Hello, World!\n");
/** Longer than any window, so that flow control shows. */
const LONG = Buffer.alloc(1 << 20, "x");
const REFUSED = [encodeField("content-type", "text/plain")];

const pool = new OutputPool();

/** Starts a server on a free port of the loopback address that answers every request when it is complete. */
export async function startServer(): Promise<{ server: Server; port: number }> {
  const rules = policy();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => serve(socket, rules));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function serve(socket: Socket, rules: Http2Policy): void {
  const handler: Http2Handler = {
    write: (bytes, pooled) => (pooled === undefined ? socket.write(bytes) : socket.write(bytes, () => pool.giveBack(pooled))),
    wantsFlush: () => setImmediate(() => connection.flush()),
    onRequest: (stream, head) => {
      if (stream.requestEnded) answer(stream, head.path);
      else readBody(stream, head.path);
    },
    onRefusal: (stream) => stream.respond(400, REFUSED, SHORT),
    onEnd: () => socket.end(),
  };
  const connection: Http2Engine = new Http2Engine(rules, PEER, handler, pool);
  socket.on("data", (chunk) => connection.receive(chunk, performance.now()));
  socket.on("drain", () => connection.drained());
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
  socket.on("close", () => connection.clientLeft());
}

function readBody(stream: Http2Stream, path: string): void {
  stream.reader = {
    onBody: (chunk) => stream.consumed(chunk.length),
    onBodyEnd: () => answer(stream, path),
    onLeft: () => {},
  };
}

function answer(stream: Http2Stream, path: string): void {
  const body = path === "/long" ? LONG : SHORT;
  stream.respond(200, responseFields(`Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n`, DATE), body);
}
