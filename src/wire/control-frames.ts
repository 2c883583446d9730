/**
 * Frames of the control socket, Gunicorn's: a length of four bytes, big-endian, then so many bytes of JSON. Both ways.
 *
 *     00000030 7b226964223a20332c ...      {"id": 3, "command": "show workers", "args": []}
 */

const LENGTH_BYTES = 4;
/** What Gunicorn's client reads at most: no answer may be longer. */
export const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** A command is a line of words. Gunicorn takes 16 MiB, which a hundred connections would make gigabytes of. */
export const COMMAND_BYTES_MAX = 64 * 1024;

/** Bytes that are no frames: the connection they came on is of no more use. */
export class ControlFrameError extends Error {
  override readonly name = "ControlFrameError";
}

/** @throws {ControlFrameError} when it is longer than anybody would read. */
export function controlFrame(message: object): Buffer {
  const text = JSON.stringify(message);
  const bytes = Buffer.byteLength(text);
  if (bytes > ANSWER_BYTES_MAX) throw new ControlFrameError(`a message of ${bytes} bytes, and nobody reads more than ${ANSWER_BYTES_MAX}`);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + bytes);
  frame.writeUInt32BE(bytes, 0);
  frame.write(text, LENGTH_BYTES);
  return frame;
}

/** Cuts received bytes into messages. What it keeps is never more than one frame and what came with it. */
export class ControlFrameReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param bytesMax  Of one message: `COMMAND_BYTES_MAX` in the server, `ANSWER_BYTES_MAX` in a client. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  feed(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * @returns the next message that is whole, undefined while none is.
   * @throws {ControlFrameError} for a length that is too large, and for what is no JSON object.
   */
  next(): Readonly<Record<string, unknown>> | undefined {
    if (this.#bytes < LENGTH_BYTES) return undefined;
    const length = this.#joined(LENGTH_BYTES).readUInt32BE(0);
    if (length > this.#bytesMax) throw new ControlFrameError(`a message of ${length} bytes, the limit is ${this.#bytesMax}`);
    if (this.#bytes < LENGTH_BYTES + length) return undefined;
    const all = this.#joined(LENGTH_BYTES + length);
    const text = all.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    const rest = all.subarray(LENGTH_BYTES + length);
    this.#chunks[0] = rest;
    this.#bytes -= LENGTH_BYTES + length;
    return objectOf(text);
  }

  /** The first chunk, made at least so long; a frame is joined once, when its last byte is here. */
  #joined(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function objectOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = JSON.parse(UTF8.decode(bytes));
  } catch (error) {
    throw new ControlFrameError(`a message that is no JSON: ${(error as Error).message}`);
  }
  if (typeof message !== "object" || message === null || Array.isArray(message))
    throw new ControlFrameError("a message that is no JSON object");
  return message as Readonly<Record<string, unknown>>;
}
