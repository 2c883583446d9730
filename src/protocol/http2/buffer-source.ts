import type { BodySource } from "./stream.ts";

/** A body that is all there. */
export class BufferSource implements BodySource {
  readonly ended = true;
  readonly trailers = undefined;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length - this.#at;
  }

  read(bytesMax: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + bytesMax);
    this.#at += bytes.length;
    return bytes;
  }
}
