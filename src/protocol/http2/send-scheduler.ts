/**
 * Sends the bodies of responses as the client's windows allow (RFC 9113 §5.2): streams take turns of a frame's bytes, so that a large
 * download does not hold up the others of its connection. Nothing is gathered here: a source is asked when its bytes may go.
 */

import type { EncodedField } from "../hpack/encoded-field.ts";
import type { AbuseLimits } from "./abuse-limits.ts";
import { BufferSource } from "./buffer-source.ts";
import { WINDOW_DEFAULT } from "./frame-types.ts";
import { DATA_BYTES_MAX, type FrameWriter } from "./frame-writer.ts";
import type { BodySource, Http2Stream, StreamSender } from "./stream.ts";

const NOTHING = Buffer.alloc(0);

export class SendScheduler implements StreamSender {
  /** What the client allows for all streams together. */
  window = WINDOW_DEFAULT;
  readonly #writer: FrameWriter;
  readonly #limits: AbuseLimits;
  readonly #onSent: (stream: Http2Stream) => void;
  /** Streams with bytes to send and a window of their own to send them, next one first. */
  readonly #ready = new Set<Http2Stream>();
  /** The stream whose turn it is, and what it has sent in it. */
  #turnOf: Http2Stream | undefined;
  #turnBytes = 0;
  #outputFull = false;
  #running = false;

  /** @param onSent  The last frame of a stream's response has been written. */
  constructor(writer: FrameWriter, limits: AbuseLimits, onSent: (stream: Http2Stream) => void) {
    this.#writer = writer;
    this.#limits = limits;
    this.#onSent = onSent;
  }

  /** What has been written has not been taken yet: bodies wait. */
  set outputFull(isFull: boolean) {
    this.#outputFull = isFull;
    if (!isFull) this.run();
  }

  informational(stream: Http2Stream, status: number, fields: readonly EncodedField[]): void {
    this.#writer.headers(stream.id, status, fields, false);
  }

  respond(stream: Http2Stream, status: number, fields: readonly EncodedField[], body: Buffer): void {
    if (body.length === 0 || !this.#allows(stream, body.length)) {
      this.start(stream, status, fields, body.length === 0 ? undefined : new BufferSource(Buffer.from(body)));
      return;
    }
    stream.responseStarted = true;
    this.#writer.headers(stream.id, status, fields, false);
    this.#write(stream, body, true);
    this.#onSent(stream);
  }

  start(stream: Http2Stream, status: number, fields: readonly EncodedField[], source: BodySource | undefined): void {
    stream.responseStarted = true;
    this.#writer.headers(stream.id, status, fields, source === undefined);
    stream.source = source;
    if (source === undefined) this.#onSent(stream);
    else this.wake(stream);
  }

  /** Whether so many body bytes may go at once. */
  #allows(stream: Http2Stream, bytes: number): boolean {
    return !this.#outputFull && bytes <= DATA_BYTES_MAX && bytes <= this.window && bytes <= stream.sendWindow;
  }

  /** The stream's source has more, or its window has grown. */
  wake(stream: Http2Stream): void {
    const { source } = stream;
    if (source === undefined) return;
    if (source.size > 0) {
      if (stream.sendWindow <= 0) return;
      this.#ready.add(stream);
      this.run();
    } else if (source.ended) {
      // An end takes nothing from any window.
      if (source.trailers === undefined) this.#writer.data(stream.id, NOTHING, true);
      else this.#writer.headers(stream.id, undefined, source.trailers, true);
      this.#onSent(stream);
    }
  }

  forget(stream: Http2Stream): void {
    this.#ready.delete(stream);
    if (this.#turnOf === stream) this.#turnOf = undefined;
  }

  /** Sends what may be sent. A source that is asked may call `wake` meanwhile. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#outputFull && this.window > 0) {
        const { value: stream } = this.#ready.values().next();
        if (stream === undefined) return;
        this.#sendFrame(stream);
      }
    } finally {
      this.#running = false;
    }
  }

  #sendFrame(stream: Http2Stream): void {
    const source = stream.source!;
    const bytes = source.read(Math.min(DATA_BYTES_MAX, this.window, stream.sendWindow));
    // Whoever is asked for bytes may find that there is something wrong with them.
    if (stream.closed) return;
    const isLast = source.ended && source.size === 0 && source.trailers === undefined;
    this.#write(stream, bytes, isLast);
    if (isLast) {
      this.#onSent(stream);
      return;
    }
    this.#countTurn(stream, bytes.length);
    if (source.size > 0 && stream.sendWindow > 0) return;
    this.#ready.delete(stream);
    this.wake(stream);
  }

  /**
   * Lets the next stream have its turn once this one has sent a frame's worth of bytes. Bytes and not frames are counted: where the
   * client opens its window by the same amount each time, the same stream would always get the small frame at its end.
   */
  #countTurn(stream: Http2Stream, bytes: number): void {
    if (this.#turnOf !== stream) this.#turnBytes = 0;
    this.#turnOf = stream;
    this.#turnBytes += bytes;
    if (this.#turnBytes < DATA_BYTES_MAX) return;
    this.#turnOf = undefined;
    this.#ready.delete(stream);
    this.#ready.add(stream);
  }

  #write(stream: Http2Stream, bytes: Buffer, isLast: boolean): void {
    this.window -= bytes.length;
    stream.sendWindow -= bytes.length;
    stream.sentBytes += bytes.length;
    this.#limits.bodySent(bytes.length);
    this.#writer.data(stream.id, bytes, isLast);
  }
}
