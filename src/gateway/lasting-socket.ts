/** A socket made from a handle of the nursery's. */

import { Socket } from "node:net";

/**
 * A socket whose failed writes do not end it: the process at the other end has closed it or died, and what it had sent before, which the
 * kernel still holds, is to be read up to the end.
 */
export class LastingSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    super._write(chunk, encoding, () => done());
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    super._writev?.(chunks, () => done());
  }
}
