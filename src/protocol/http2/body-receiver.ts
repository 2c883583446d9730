/**
 * DATA frames into the bodies of requests (RFC 9113 §6.1): `DATA = [ pad length(8) ] content *padding`.
 *
 * Windows count whole frames. What nobody keeps (padding, bodies of streams that are gone) is given back at once; content when
 * its reader has used it, so that `connectionWindow` bounds what one connection's bodies hold of our memory.
 */

import type { AbuseLimits } from "./abuse-limits.ts";
import { ConnectionError } from "./connection-error.ts";
import { type ErrorName, FLAG, WINDOW_DEFAULT } from "./frame-types.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** What the receiver asks of its connection. */
export interface BodyOwner {
  readonly nowMs: number;
  /** The client has broken a rule on this stream. */
  breakStream(id: number, code: ErrorName): void;
  requestEnded(stream: Http2Stream): void;
}

export class BodyReceiver {
  readonly #window: ReceiveWindow;
  readonly #streams: StreamTable;
  readonly #writer: FrameWriter;
  readonly #limits: AbuseLimits;
  readonly #owner: BodyOwner;
  /** The frame that is coming in. */
  #stream: Http2Stream | undefined;
  #endStream = false;
  #padded = false;
  #contentLeft = 0;

  /** @param window  Of the connection; the client is told what it is more than the usual. */
  constructor(window: number, streams: StreamTable, writer: FrameWriter, limits: AbuseLimits, owner: BodyOwner) {
    this.#window = new ReceiveWindow(window);
    this.#streams = streams;
    this.#writer = writer;
    this.#limits = limits;
    this.#owner = owner;
    if (window > WINDOW_DEFAULT) writer.windowUpdate(0, window - WINDOW_DEFAULT);
  }

  /** A frame's head. @returns false when its payload is not wanted. */
  begin(flags: number, id: number, length: number): boolean {
    if (this.#streams.isIdle(id)) throw new ConnectionError("PROTOCOL_ERROR", `DATA on stream ${id}, which is idle`);
    if ((flags & FLAG.padded) !== 0 && length === 0) throw new ConnectionError("FRAME_SIZE_ERROR", "DATA too short for its padding");
    if (!this.#window.take(length)) throw new ConnectionError("FLOW_CONTROL_ERROR", "DATA beyond the connection's window");
    const stream = this.#accept(id, length);
    if (stream === undefined) {
      this.#giveBack(length);
      return false;
    }
    this.#stream = stream;
    this.#endStream = (flags & FLAG.endStream) !== 0;
    this.#padded = (flags & FLAG.padded) !== 0;
    this.#contentLeft = this.#padded ? length - 1 : length;
    if (length === 0 && !this.#endStream) this.#limits.countIdleFrame(this.#owner.nowMs);
    if (!this.#padded) this.#countContent(stream);
    return true;
  }

  /** The stream that takes the frame, if it may. */
  #accept(id: number, length: number): Http2Stream | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      // Sent before the client knew, or by a client that does not care: which it is shows in how often it comes.
      if (!this.#streams.wasReset(id)) this.#owner.breakStream(id, "STREAM_CLOSED");
      else if (length === 0) this.#limits.countIdleFrame(this.#owner.nowMs);
      return undefined;
    }
    if (stream.requestEnded) {
      this.#owner.breakStream(id, "STREAM_CLOSED");
      return undefined;
    }
    if (!stream.receiveWindow.take(length)) {
      this.#owner.breakStream(id, "FLOW_CONTROL_ERROR");
      return undefined;
    }
    return stream;
  }

  /** A piece of the payload. */
  piece(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const stream = this.#stream!;
    let at = start;
    if (this.#padded && at < end) {
      this.#padded = false;
      this.#readPadLength(bytes[at]!);
      at += 1;
    }
    const contentEnd = Math.min(end, at + this.#contentLeft);
    this.#contentLeft -= contentEnd - at;
    if (contentEnd > at) this.#deliver(stream, bytes, at, contentEnd);
    if (!isLast) return;
    this.#stream = undefined;
    if (this.#endStream && !stream.closed) this.#end(stream);
  }

  #readPadLength(padBytes: number): void {
    if (padBytes > this.#contentLeft) throw new ConnectionError("PROTOCOL_ERROR", "DATA shorter than its padding");
    this.#contentLeft -= padBytes;
    if (this.#contentLeft === 0 && !this.#endStream) this.#limits.countIdleFrame(this.#owner.nowMs);
    this.#giveBackOf(this.#stream!, padBytes + 1);
    this.#countContent(this.#stream!);
  }

  /** The frame's content is known: whether it is more than Content-Length allows is known before any of it is given on. */
  #countContent(stream: Http2Stream): void {
    stream.bodyBytesLeft -= this.#contentLeft;
    if (stream.bodyBytesLeft < 0) this.#owner.breakStream(stream.id, "PROTOCOL_ERROR");
  }

  #deliver(stream: Http2Stream, bytes: Buffer, at: number, end: number): void {
    const length = end - at;
    if (stream.closed) {
      this.#giveBack(length);
      return;
    }
    if (stream.reader === undefined) {
      this.#giveBackOf(stream, length);
      return;
    }
    stream.unconsumedBytes += length;
    stream.reader.onBody(Buffer.from(bytes.subarray(at, end)));
  }

  /** The request's body has come to its end: it must be as long as its Content-Length (RFC 9113 §8.1.1). */
  #end(stream: Http2Stream): void {
    if (stream.lacksBody) this.#owner.breakStream(stream.id, "PROTOCOL_ERROR");
    else this.#owner.requestEnded(stream);
  }

  /** A reader has used so many bytes. */
  consumed(stream: Http2Stream, bytes: number): void {
    const given = Math.min(bytes, stream.unconsumedBytes);
    stream.unconsumedBytes -= given;
    this.#giveBackOf(stream, given);
  }

  /** The stream is gone: what it has not used does not count any more. */
  forget(stream: Http2Stream): void {
    this.#giveBack(stream.unconsumedBytes);
    stream.unconsumedBytes = 0;
  }

  #giveBackOf(stream: Http2Stream, bytes: number): void {
    this.#giveBack(bytes);
    if (stream.requestEnded || stream.closed) return;
    const increment = stream.receiveWindow.giveBack(bytes);
    if (increment > 0) this.#writer.windowUpdate(stream.id, increment);
  }

  #giveBack(bytes: number): void {
    const increment = this.#window.giveBack(bytes);
    if (increment > 0) this.#writer.windowUpdate(0, increment);
  }
}
