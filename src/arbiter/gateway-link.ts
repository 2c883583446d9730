/** The arbiter's end of a gateway's control socket (docs/internals/channels.md §2). */

import { Socket, type SocketConstructorOpts } from "node:net";
import { encodeLine, LineReader } from "../wire/json-lines.ts";

export class GatewayLink {
  readonly pid: number;
  readonly #socket: Socket;
  #closed = false;

  /**
   * @param handle     The raw handle that came with the nursery's `gateway`; it belongs to this link.
   * @param onMessage  Every message of the gateway. After `close` there may still come what it had said before.
   * @param onClose    The gateway is gone, or speaks nonsense. Not called after `close`.
   * @param onEnd      Nothing more comes, whoever has closed it.
   */
  constructor(handle: unknown, pid: number, onMessage: (message: unknown) => void, onClose: () => void, onEnd: () => void = () => {}) {
    this.pid = pid;
    // `handle` is what net.Socket takes for a descriptor that came over IPC; its type does not say so.
    const options = { handle, readable: true, writable: true } as SocketConstructorOpts;
    const socket = new Socket(options);
    this.#socket = socket;
    const reader = new LineReader(onMessage);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      try {
        reader.feed(text);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        socket.destroy();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (!this.#closed) onClose();
      onEnd();
    });
    socket.resume();
  }

  send(message: object): void {
    if (this.#socket.writable) this.#socket.write(encodeLine(message));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ours is ended; what is under way is still read: the last counters of a gateway whose death was heard of sooner than they. */
  close(): void {
    this.#closed = true;
    this.#socket.end();
  }
}
