/** The arbiter's end of a gateway's control socket (docs/internals/channels.md §2). */

import { Socket, type SocketConstructorOpts } from "node:net";
import { encodeLine, LineReader } from "../wire/json-lines.ts";

export class GatewayLink {
  readonly pid: number;
  readonly #socket: Socket;

  /**
   * @param handle     The raw handle that came with the nursery's `gateway`; it belongs to this link.
   * @param onMessage  Every message of the gateway.
   * @param onClose    The gateway is gone, or speaks nonsense. Not called after `close`.
   */
  constructor(handle: unknown, pid: number, onMessage: (message: unknown) => void, onClose: () => void) {
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
    socket.on("close", onClose);
    socket.resume();
  }

  send(message: object): void {
    if (this.#socket.writable) this.#socket.write(encodeLine(message));
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }
}
