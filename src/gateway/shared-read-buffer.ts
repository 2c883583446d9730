/**
 * Client sockets that read through one buffer.
 *
 * Node allocates 64 KiB for every read and shrinks it afterwards: for requests of a few hundred bytes that is most of the garbage
 * a gateway makes, a tenth of its time. Its remedy, the `onread` option, exists for sockets that connect but not for
 * accepted ones, so an accepted socket's handle is moved into a socket made with that option.
 */

import { Socket } from "node:net";

/** One read takes at most this much. */
const READ_BYTES = 65536;

const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/** What Node's sockets are made of, as far as this needs it; not in the type declarations. */
interface HandleOwner {
  _handle: unknown;
}

interface OnReadOptions {
  readonly handle: unknown;
  readonly allowHalfOpen: boolean;
  readonly onread: { readonly buffer: Buffer; readonly callback: (bytes: number, buffer: Buffer) => boolean };
}

/**
 * @param accepted  A socket of a server with `pauseOnConnect`; it is empty afterwards.
 * @returns         A socket for the same connection, half-open and without delay, that emits `data` like any other, but each chunk
 *                  is only valid until its listeners return: they copy what they keep.
 */
export function readThroughSharedBuffer(accepted: Socket): Socket {
  const owner = accepted as unknown as HandleOwner;
  const handle = owner._handle;
  owner._handle = null;
  const options: OnReadOptions = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: shared,
      callback: (bytes, buffer) => {
        socket.emit("data", buffer.subarray(0, bytes));
        return true;
      },
    },
  };
  const socket: Socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  socket.setNoDelay(true);
  return socket;
}
