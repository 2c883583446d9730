/**
 * Watches whether a client takes what waits for it.
 *
 * What the process sees of that comes in lumps: a kernel whose buffer is full (4 MB) takes more only when a third of it is free again,
 * and a client that reads 20 KB a second needs a minute for that. So whoever seems to be too slow is judged by what the kernel has
 * delivered, where that can be known.
 */

import type { Socket } from "node:net";
import { BYTES_PER_S_MIN, ClientPace } from "./client-pace.ts";
import { type SendQueues, sendQueues } from "./send-queues.ts";

const MS_PER_SECOND = 1000;

/** What Node's socket handle tells of the bytes given to it, and of those among them that the kernel has not taken; not in its type declarations. */
interface CountingHandle {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
}

export class WriteWatch {
  readonly #queues: Pick<SendQueues, "bytesOf">;
  /** Only while something waits: most connections are idle, and there may be very many. */
  #pace: ClientPace | undefined;
  /** Of what the client has acknowledged; only in the second half of the limit. */
  #delivery: ClientPace | undefined;

  constructor(queues: Pick<SendQueues, "bytesOf"> = sendQueues) {
    this.#queues = queues;
  }

  /** @returns true when the client has been too slow for `limitMs`. To be called a few times a second. */
  isStalled(socket: Socket, nowMs: number, limitMs: number): boolean {
    if (socket.writableLength === 0) {
      this.#pace = this.#delivery = undefined;
      return false;
    }
    const bytes = takenBytes(socket);
    this.#pace ??= new ClientPace(nowMs, bytes);
    const tooSlow = this.#pace.isTooSlow(nowMs, bytes, limitMs);
    const { sinceMs } = this.#pace;
    if (nowMs - sinceMs < limitMs / 2) {
      this.#delivery = undefined;
      return false;
    }
    const heldBytes = this.#queues.bytesOf(socket, nowMs);
    if (heldBytes === undefined) return tooSlow;
    const deliveredBytes = bytes - heldBytes;
    // What was delivered before this first look is not known: it is taken for the least.
    const assumedBytes = ((nowMs - sinceMs) / MS_PER_SECOND) * BYTES_PER_S_MIN;
    this.#delivery ??= new ClientPace(sinceMs, deliveredBytes - assumedBytes);
    return this.#delivery.isTooSlow(nowMs, deliveredBytes, limitMs);
  }
}

/** Bytes that the kernel has taken so far. */
function takenBytes(socket: Socket): number {
  const handle = (socket as CountingHandle)._handle;
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined) return socket.bytesWritten - socket.writableLength;
  return handle.bytesWritten - handle.writeQueueSize;
}
