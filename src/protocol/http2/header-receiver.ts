/** Header blocks into requests and trailers (RFC 9113 §8.1): the decoder's state is the connection's, so every block is decoded, wanted or not. */

import { ProtocolError } from "../../request/protocol-error.ts";
import type { Peer } from "../../request/request-head.ts";
import { HpackError } from "../hpack/block-reader.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { HpackField } from "../hpack/field.ts";
import { headersTooLarge } from "../http1/refusals.ts";
import type { AbuseLimits } from "./abuse-limits.ts";
import { ConnectionError } from "./connection-error.ts";
import type { PayloadUse } from "./frame-reader.ts";
import { type ErrorName, FLAG, FRAME } from "./frame-types.ts";
import { HEADERS_EXTRA_BYTES_MAX, headersFragment, OpenBlock } from "./header-block.ts";
import type { Http2Policy } from "./policy.ts";
import { type ReadRequest, readRequest } from "./request-head.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";
import { readTrailers } from "./trailers.ts";

/** What the receiver asks of its connection. */
export interface HeaderOwner {
  readonly nowMs: number;
  requestRead(id: number, request: ReadRequest, ended: boolean): void;
  requestEnded(stream: Http2Stream): void;
  breakStream(id: number, code: ErrorName): void;
}

export class HeaderReceiver {
  readonly #policy: Http2Policy;
  readonly #rules: Parameters<typeof readRequest>[2];
  readonly #peer: Peer;
  readonly #streams: StreamTable;
  readonly #limits: AbuseLimits;
  readonly #owner: HeaderOwner;
  readonly #decoder: HpackDecoder;
  #open: OpenBlock | undefined;

  constructor(policy: Http2Policy, peer: Peer, streams: StreamTable, limits: AbuseLimits, owner: HeaderOwner) {
    this.#policy = policy;
    this.#rules = { policy: policy.request, extendedConnect: policy.extendedConnect };
    this.#peer = peer;
    this.#streams = streams;
    this.#limits = limits;
    this.#owner = owner;
    this.#decoder = new HpackDecoder(policy.headerListBytesMax);
  }

  /** @throws {ConnectionError} When a frame comes between those of a block, or a block goes on that has not begun. */
  checkOrder(type: number, id: number): void {
    if (this.#open === undefined) {
      if (type === FRAME.continuation) throw new ConnectionError("PROTOCOL_ERROR", "CONTINUATION without HEADERS");
      return;
    }
    if (type !== FRAME.continuation || id !== this.#open.streamId) {
      throw new ConnectionError("PROTOCOL_ERROR", "frame within a header block");
    }
  }

  beginHeaders(id: number, length: number): PayloadUse {
    if (id % 2 === 0) throw new ConnectionError("PROTOCOL_ERROR", `HEADERS on stream ${id}`);
    if (length > this.#policy.headerBlockBytesMax + HEADERS_EXTRA_BYTES_MAX) {
      throw new ConnectionError("ENHANCE_YOUR_CALM", `header block of more than ${this.#policy.headerBlockBytesMax} bytes`);
    }
    return "whole";
  }

  beginContinuation(length: number): PayloadUse {
    this.#open!.expect(length);
    if (length === 0) this.#limits.countIdleFrame(this.#owner.nowMs);
    return "whole";
  }

  headers(bytes: Buffer, start: number, frameEnd: number, flags: number, id: number): void {
    const { at, end } = headersFragment(bytes, start, frameEnd, flags, id);
    const endStream = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      this.#block(bytes, at, end, id, endStream);
      return;
    }
    this.#open = new OpenBlock(id, endStream, this.#policy.headerBlockBytesMax);
    this.#open.add(bytes, at, end);
  }

  continuation(bytes: Buffer, at: number, end: number, flags: number): void {
    const open = this.#open!;
    open.add(bytes, at, end);
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#open = undefined;
    const block = open.join();
    this.#block(block, 0, block.length, open.streamId, open.endStream);
  }

  #block(bytes: Buffer, at: number, end: number, id: number, endStream: boolean): void {
    const fields: HpackField[] = [];
    const fits = this.#decode(bytes, at, end, fields);
    if (id <= this.#streams.lastId) {
      this.#trailers(id, fields, fits, endStream);
      return;
    }
    this.#streams.lastId = id;
    // Small as it came, large in memory: the same again would cost the same again.
    if (!fits) this.#limits.countReset(this.#owner.nowMs);
    this.#owner.requestRead(id, fits ? readRequest(fields, endStream, this.#rules, this.#peer) : tooLarge(), endStream);
  }

  #decode(bytes: Buffer, at: number, end: number, fields: HpackField[]): boolean {
    try {
      return this.#decoder.decode(bytes, at, end, fields);
    } catch (error) {
      if (error instanceof HpackError) throw new ConnectionError("COMPRESSION_ERROR", error.message);
      throw error;
    }
  }

  #trailers(id: number, fields: readonly HpackField[], fits: boolean, endStream: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (!this.#streams.wasReset(id)) throw new ConnectionError("STREAM_CLOSED", `HEADERS on stream ${id}, which is closed`);
      this.#limits.countIdleFrame(this.#owner.nowMs);
      return;
    }
    if (stream.requestEnded) {
      this.#owner.breakStream(id, "STREAM_CLOSED");
      return;
    }
    // Another protocol's stream has DATA only (RFC 9113 §8.5).
    const mayEnd = endStream && fits && !stream.lacksBody && stream.connectProtocol === undefined;
    const trailers = mayEnd ? this.#readTrailers(fields) : undefined;
    if (trailers === undefined) {
      this.#owner.breakStream(id, "PROTOCOL_ERROR");
      return;
    }
    stream.trailers = trailers;
    this.#owner.requestEnded(stream);
  }

  #readTrailers(fields: readonly HpackField[]): ReturnType<typeof readTrailers> {
    try {
      return readTrailers(fields, this.#policy.request);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}

function tooLarge(): ReadRequest {
  return { is: "refused", error: headersTooLarge("limit request headers fields size") };
}
