/** Buffers that output is gathered in, used again once the socket has written them. One pool serves all connections. */

/** Two full DATA frames with their heads, and many answers of usual size. */
export const OUTPUT_BUFFER_BYTES = 32768;
/** What lies idle, at most: 2 MiB. More are made when needed, and forgotten afterwards. */
const IDLE_BUFFERS_MAX = 64;

export class OutputPool {
  readonly #idle: Buffer[] = [];

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES);
  }

  /** @param buffer  From `take`; nobody reads it any more. */
  giveBack(buffer: Buffer): void {
    if (this.#idle.length < IDLE_BUFFERS_MAX) this.#idle.push(buffer);
  }
}
