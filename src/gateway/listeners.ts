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
  readsThroughSharedBuffer(): boolean;
}

/** The kernel's queue of clients is emptied for at most so long: ten times what 2048 of them take. */
export const ACCEPT_REST_MS = 1000;

const monotonicMs = (): number => performance.now();

export class Listeners {
  readonly #handler: ListenersHandler;
  /** Those that are complete, and those that are coming to take their place. */
  #servers = new Map<number, Server>();
  #coming = new Map<number, Server>();
  /** Those that are replaced, until they are quiet. */
  readonly #parting = new Set<Server>();
  #closedForGood = false;
  /** Connections so far. */
  #accepted = 0;

  constructor(handler: ListenersHandler) {
    this.#handler = handler;
  }

  /** Nobody will be accepted any more. */
  get closed(): boolean {
    return this.#closedForGood;
  }

  /** Starts accepting. @param handle  The listening socket as Node received it. */
  take(address: ListenerAddress, handle: unknown): void {
    if (this.#closedForGood) {
      // Not even for a moment: whoever is accepted in it would be cut.
      (handle as { close?: () => void } | undefined)?.close?.();
      return;
    }
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accepted++;
      this.#handler.onConnection(this.#handler.readsThroughSharedBuffer() ? readThroughSharedBuffer(socket) : socket, address);
    });
    // accept() passes on what had gone wrong with one client's connection (accept(2)): that client has gone, others come.
    server.on("error", () => {});
    if (address.index === 0) this.#dropComing();
    this.#coming.set(address.index, server);
    server.listen(handle as Parameters<Server["listen"]>[0], () => {
      if (this.#closedForGood) server.close();
      else if (this.#coming.get(address.index) === server && this.#coming.size === address.count) this.#settle();
    });
  }

  /** All have come: those of before go, a socket that both have included. */
  #settle(): void {
    const before = this.#servers;
    this.#servers = this.#coming;
    this.#coming = new Map();
    for (const server of before.values()) this.#parting.add(server);
    this.#closeWhenQuiet([...before.values()], monotonicMs());
    this.#handler.onListening();
  }

  /**
   * Closes servers whose sockets may be nobody else's any more: clients that are still in the kernel's queue would be reset. Node accepts
   * one in each turn of the loop, so the queue is empty when two turns bring none.
   */
  #closeWhenQuiet(servers: readonly Server[], sinceMs: number, acceptedBefore = this.#accepted): void {
    if (servers.length === 0) return;
    setImmediate(() =>
      setImmediate(() => {
        if (this.#accepted !== acceptedBefore && monotonicMs() - sinceMs < ACCEPT_REST_MS && !this.#closedForGood)
          this.#closeWhenQuiet(servers, sinceMs);
        else for (const server of servers) if (this.#parting.delete(server)) server.close();
      }),
    );
  }

  #dropComing(): void {
    for (const server of this.#coming.values()) server.close();
    this.#coming = new Map();
  }

  /** Stops accepting; clients wait in the kernel's queue, because the nursery still holds the sockets. */
  pause(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers = new Map();
    for (const server of this.#parting) server.close();
    this.#parting.clear();
    this.#dropComing();
  }

  /** Stops accepting for good, also on a socket that is still under way. */
  close(): void {
    this.#closedForGood = true;
    this.pause();
  }
}
