/** Watches whether a client takes what waits for it. */

import type { Socket } from "node:net";
import { ClientPace } from "./client-pace.ts";

/** What Node's socket handle tells of the bytes given to it, and of those among them that the kernel has not taken; not in its type declarations. */
interface CountingHandle {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
}

export class WriteWatch {
  /** Only while something waits: most connections are idle, and there may be very many. */
  #pace: ClientPace | undefined;

  /** @returns true when the client has been too slow for `limitMs`. To be called a few times a second. */
  isStalled(socket: Socket, nowMs: number, limitMs: number): boolean {
    if (socket.writableLength === 0) {
      this.#pace = undefined;
      return false;
    }
    const bytes = takenBytes(socket);
    this.#pace ??= new ClientPace(nowMs, bytes);
    return this.#pace.isTooSlow(nowMs, bytes, limitMs);
  }
}

/** Bytes that the kernel has taken so far. */
function takenBytes(socket: Socket): number {
  const handle = (socket as CountingHandle)._handle;
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined) return socket.bytesWritten - socket.writableLength;
  return handle.bytesWritten - handle.writeQueueSize;
}
