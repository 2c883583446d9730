/** Bytes in memory, first in first out. Small chunks are joined: a client that sends one byte at a time must not cost a hundred times its bytes. */

/** Chunks below this size are copied together; larger ones are kept as they are. */
const JOINED_BYTES_MAX = 4096;
/** The first joint buffer is small, because most bodies of one small chunk stay alone. */
const JOINT_BYTES_MIN = 512;
const JOINT_BYTES_MAX = 16384;
/** Room at the array's head is given back once it is this long: `Array.shift` would move all others each time. */
const COMPACT_AT = 64;

export class ChunkList {
  #chunks: Buffer[] = [];
  #head = 0;
  #bytes = 0;
  /** The last chunk, when it lies in a buffer of ours that has room behind it. */
  #joint: Buffer | undefined;
  #jointUsed = 0;

  /** Bytes in the list. */
  get size(): number {
    return this.#bytes;
  }

  /** @param chunk  Kept as it is, or copied when it is small. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (chunk.length >= JOINED_BYTES_MAX) {
      this.#joint = undefined;
      this.#chunks.push(chunk);
      return;
    }
    if (this.#joint === undefined || this.#joint.length - this.#jointUsed < chunk.length) {
      // As much room again as the chunk before had: many small chunks end in few buffers.
      const before = this.#joint?.length ?? 0;
      const bytes = Math.max(JOINT_BYTES_MIN, chunk.length, Math.min(2 * before, JOINT_BYTES_MAX));
      this.#joint = Buffer.allocUnsafeSlow(bytes);
      this.#jointUsed = 0;
      this.#chunks.push(this.#joint.subarray(0, 0));
    }
    const end = this.#jointUsed + chunk.copy(this.#joint, this.#jointUsed);
    const last = this.#chunks.length - 1;
    // What has been taken from the joint chunk's front stays taken.
    const start = this.#jointUsed - (this.#chunks[last]?.length ?? 0);
    this.#chunks[last] = this.#joint.subarray(start, end);
    this.#jointUsed = end;
  }

  /** The oldest bytes without taking them; undefined when there are none. Bytes pushed later do not change it. */
  peek(): Buffer | undefined {
    return this.#chunks[this.#head];
  }

  /** Takes the oldest bytes: at most `maxBytes`, undefined when there are none. */
  shift(maxBytes: number): Buffer | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    if (first.length > maxBytes) {
      this.#chunks[this.#head] = first.subarray(maxBytes);
      this.#bytes -= maxBytes;
      return first.subarray(0, maxBytes);
    }
    this.#bytes -= first.length;
    this.#head++;
    if (this.#head === this.#chunks.length) this.clear();
    else if (this.#head >= COMPACT_AT && this.#head * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Takes everything as one buffer. */
  takeAll(): Buffer {
    const chunks = this.#chunks.slice(this.#head);
    this.clear();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#joint = undefined;
  }
}
