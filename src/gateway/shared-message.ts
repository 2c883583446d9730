/** A WebSocket message that an application sends to many clients: it comes from the worker once, and is framed once. */

export class SharedMessage {
  /** Valid as long as the frame that brought it. */
  readonly payload: Buffer;
  readonly binary: boolean;
  #frame: string | undefined;

  constructor(payload: Buffer, binary: boolean) {
    this.payload = payload;
    this.binary = binary;
  }

  /**
   * The whole server's frame, not compressed, as latin-1 text.
   *
   * @param head  Makes the frame's head, for the first that asks.
   */
  frame(head: (payloadBytes: number, binary: boolean) => string): string {
    this.#frame ??= head(this.payload.length, this.binary) + this.payload.latin1Slice();
    return this.#frame;
  }
}
