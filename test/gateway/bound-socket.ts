/** Sockets that are bound and, in this process, never accepted from: what the nursery holds. */

import assert from "node:assert/strict";
import * as net from "node:net";
import type { TestContext } from "node:test";
import type { ListenerAddress } from "../../src/gateway/listeners.ts";

interface ServerHandle {
  getsockname(into: { port?: number }): number;
  close(): void;
}

/** What Node's cluster uses; not in the type declarations. */
interface WithServerHandles {
  _createServerHandle(address: string, port: number, addressType: number): ServerHandle | number;
}

export interface BoundSocket {
  /** Node's raw handle, as it comes out of a NODE_HANDLE message. */
  readonly handle: ServerHandle;
  readonly port: number;
}

export function bindLoopback(t: TestContext): BoundSocket {
  const IPV4 = 4;
  const handle = (net as unknown as WithServerHandles)._createServerHandle("127.0.0.1", 0, IPV4);
  if (typeof handle === "number") assert.fail(`cannot bind: error ${handle}`);
  t.after(() => handle.close());
  const name: { port?: number } = {};
  handle.getsockname(name);
  return { handle, port: name.port ?? assert.fail("a bound socket has a port") };
}

/** What the nursery says of it. */
export function addressOf(bound: BoundSocket, index = 0, count = 1): ListenerAddress {
  return { index, count, kind: "tcp", host: "127.0.0.1", port: bound.port, path: "" };
}

/** Connects. @returns `"connected"`, or the code of the error. */
export async function attempt(t: TestContext, port: number): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  return await new Promise((resolve) => {
    socket.once("connect", () => resolve("connected"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
