/** The listening sockets, as the nursery hands them over, and when they are closed for a while (design §5, "Pause"). */

import { createServer, type Server, type Socket } from "node:net";
import { readThroughSharedBuffer } from "./shared-read-buffer.ts";

/** What the nursery says of a listener when it sends its handle. */
export interface ListenerAddress {
  readonly index: number;
  /** How many listeners there are in all. */
  readonly count: number;
  readonly kind: "tcp" | "tcp6" | "unix";
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface ListenersHandler {
  onConnection(socket: Socket, address: ListenerAddress): void;
  /** All listeners have been taken. */
  onListening(): void;
  readonly readsThroughSharedBuffer: boolean;
}

export class Listeners {
  readonly #handler: ListenersHandler;
  readonly #servers = new Map<number, Server>();
  #closedForGood = false;

  constructor(handler: ListenersHandler) {
    this.#handler = handler;
  }

  /** Nobody will be accepted any more. */
  get closed(): boolean {
    return this.#closedForGood;
  }

  /** Starts accepting. @param handle  The listening socket as Node received it. */
  take(address: ListenerAddress, handle: unknown): void {
    const { readsThroughSharedBuffer } = this.#handler;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#handler.onConnection(readsThroughSharedBuffer ? readThroughSharedBuffer(socket) : socket, address);
    });
    // accept() passes on what had gone wrong with one client's connection (accept(2)): that client has gone, others come.
    server.on("error", () => {});
    this.#servers.get(address.index)?.close();
    this.#servers.set(address.index, server);
    server.listen(handle as Parameters<Server["listen"]>[0], () => {
      if (this.#closedForGood) server.close();
      else if (this.#servers.size === address.count) this.#handler.onListening();
    });
  }

  /** Stops accepting; clients wait in the kernel's queue, because the nursery still holds the sockets. */
  pause(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  /** Stops accepting for good, also on a socket that is still under way. */
  close(): void {
    this.#closedForGood = true;
    this.pause();
  }
}
