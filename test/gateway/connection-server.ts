/** A server of connections with a handler of the test's, and a clock that the test moves. */

import assert from "node:assert/strict";
import { type AddressInfo, createServer, type ServerOpts, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type { ConnectionLimits } from "../../src/gateway/limits-from-settings.ts";
import type { RequestStream } from "../../src/request/exchange.ts";
import { Traffic } from "../../src/telemetry/traffic.ts";

export const USUAL_LIMITS: ConnectionLimits = {
  idleMs: 5_000,
  proxyIdleMs: 75_000,
  headMs: 60_000,
  drainHeadMs: 1_000,
  bodyMs: 60_000,
  writeMs: 60_000,
};

export type Handler = (stream: RequestStream) => void;

interface Connection {
  sweep(nowMs: number): void;
}

/** What connections of any protocol ask of the gateway. */
export class ConnectionServer<Served extends Connection> {
  readonly limits: ConnectionLimits;
  readonly traffic = new Traffic();
  readonly date = "Thu, 01 Jan 1970 00:00:00 GMT";
  readonly connections = new Set<Served>();
  readonly logged: string[] = [];
  readonly warnings: string[] = [];
  /** Limits of time that were reached. */
  readonly struck: string[] = [];
  /** Errors that should not have been possible: a test that makes some empties it. */
  readonly faults: unknown[] = [];
  drainingSinceMs: number | undefined;
  parting = false;
  crowded = false;
  nowMs = 1_000;
  handler: Handler;
  port = 0;

  constructor(handler: Handler, limits: Partial<ConnectionLimits> = {}) {
    this.handler = handler;
    this.limits = { ...USUAL_LIMITS, ...limits };
  }

  /** @param end  Called at the test's end. */
  async listen(t: TestContext, options: ServerOpts, serve: (socket: Socket) => Served, end: () => void = () => {}): Promise<void> {
    const server = createServer(options, (socket) => this.connections.add(serve(socket)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    t.after(() => {
      end();
      server.close();
      assert.deepEqual(this.faults, []);
    });
  }

  now(): number {
    return this.nowMs;
  }
  handle(stream: RequestStream): void {
    this.handler(stream);
  }
  warn(text: string): void {
    this.warnings.push(text);
  }
  fault(error: unknown): void {
    this.faults.push(error);
  }
  closed(connection: Served): void {
    this.connections.delete(connection);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const connection of this.connections) connection.sweep(this.nowMs);
  }
}
