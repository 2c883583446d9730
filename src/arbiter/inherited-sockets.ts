/**
 * Listening sockets that this process was started with. Node does not let its children inherit them, and in the nursery their numbers
 * would be other files': they go to it over its channel.
 */

import { Socket } from "node:net";
import type { ListenAddress } from "../lifecycle/messages.ts";

export class InheritedSockets {
  #sockets: readonly (readonly [number, Socket])[];

  /** @throws {Error} for a descriptor that is not open, or no stream socket. */
  constructor(addresses: readonly ListenAddress[]) {
    this.#sockets = addresses.flatMap((address) => (address.kind === "fd" ? [[address.fd, open(address.fd)] as const] : []));
  }

  /** What a nursery that has to bind is told: `[message, handle]`. */
  messages(): [object, Socket][] {
    return this.#sockets.map(([fd, socket]) => [{ cmd: "inherit", fd }, socket]);
  }

  /** They are bound: what counts from now on are the listeners that the nursery has made of them. */
  close(): void {
    for (const [, socket] of this.#sockets) socket.destroy();
    this.#sockets = [];
  }
}

function open(fd: number): Socket {
  try {
    // Neither readable nor writable: nothing is asked of it, which as a listener it could not do.
    const socket = new Socket({ fd, readable: false, writable: false });
    socket.on("error", () => {});
    return socket;
  } catch (error) {
    throw new Error(`cannot take over file descriptor ${fd}: ${(error as Error).message}`, { cause: error });
  }
}
