/** The gateway's end of the socketpair through which an application speaks with a client by itself (docs/internals/channels.md §7). */

import { LastingSocket } from "./lasting-socket.ts";
import type { ApplicationEnd } from "./taken-connection.ts";

/** Node's option for sockets made from handles, which its type declarations do not know. */
interface HandleOptions {
  readonly handle: unknown;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly allowHalfOpen: boolean;
}

export class ApplicationSocket implements ApplicationEnd {
  onBytes: ((bytes: Buffer) => void) | undefined;
  onEnd: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  readonly #socket: LastingSocket;

  /** @param handle  As Node received it from the nursery. */
  constructor(handle: unknown) {
    const options: HandleOptions = { handle, readable: true, writable: true, allowHalfOpen: true };
    this.#socket = new LastingSocket(options as ConstructorParameters<typeof LastingSocket>[0]);
    this.#socket.on("data", (bytes: Buffer) => this.onBytes?.(bytes));
    this.#socket.on("drain", () => this.onDrain?.());
    this.#socket.on("end", () => this.onEnd?.());
    this.#socket.on("error", () => {});
    // A reset is an end, too.
    this.#socket.on("close", () => this.onEnd?.());
    // Until somebody has set the handlers.
    this.#socket.pause();
  }

  write(bytes: Buffer): boolean {
    return !this.#socket.writable || this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
