/** A connection with somebody at both ends: the client sends bytes and reads frames, the server notes what it is told. */

import assert from "node:assert/strict";
import { HpackDecoder } from "../../../src/protocol/hpack/decoder.ts";
import type { HpackField } from "../../../src/protocol/hpack/field.ts";
import { type ConnectionEnd, Http2Engine, type Http2Handler } from "../../../src/protocol/http2/engine.ts";
import { ERROR, FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { OutputPool } from "../../../src/protocol/http2/output-pool.ts";
import { type Http2Policy, type Http2Settings, http2Policy } from "../../../src/protocol/http2/policy.ts";
import type { Http2Stream } from "../../../src/protocol/http2/stream.ts";
import type { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { Peer, RequestHead } from "../../../src/request/request-head.ts";
import { type GunicornSettings, peerOf, policyOf } from "../http1/outcome.ts";
import { cutFrames, HELLO, type SeenFrame } from "./frames.ts";

export const DEFAULTS: Http2Settings = {
  maxConcurrentStreams: 100,
  initialWindowSize: 65535,
  maxFrameSize: 16384,
  maxHeaderListSize: 65536,
  extendedConnect: false,
};

export const PEER: Peer = peerOf({ trusted: false, secure: false });

export function policy(settings: Partial<Http2Settings> = {}, request: GunicornSettings = {}): Http2Policy {
  return http2Policy({ ...DEFAULTS, ...settings }, policyOf(request));
}

const TYPE_NAMES = new Map(Object.entries(FRAME).map(([name, type]) => [type as number, name]));
const ERROR_NAMES = new Map(Object.entries(ERROR).map(([name, code]) => [code as number, name]));

export interface HarnessOptions {
  readonly settings?: Partial<Http2Settings>;
  readonly request?: GunicornSettings;
  readonly peer?: Peer;
  /** false: the client has not said anything yet. */
  readonly hello?: boolean;
  /** Called for each request; without it they are only noted. */
  readonly onRequest?: (stream: Http2Stream, head: RequestHead) => void;
  /** Whether readers say at once that they have used what came. */
  readonly consume?: boolean;
}

export class Harness implements Http2Handler {
  readonly connection: Http2Engine;
  readonly pool = new OutputPool();
  readonly heads: RequestHead[] = [];
  readonly headOf = new Map<number, RequestHead>();
  readonly streams: Http2Stream[] = [];
  readonly refusals: ProtocolError[] = [];
  /** What the server was told, as text: `1 body 3`, `1 end`, `1 left CANCEL`. */
  readonly events: string[] = [];
  readonly bodies = new Map<number, Buffer[]>();
  end: ConnectionEnd | undefined;
  /** What `write` answers. */
  clientReads = true;
  /** Pieces in which output has come. */
  writes = 0;
  nowMs = 0;
  readonly #options: HarnessOptions;
  readonly #decoder = new HpackDecoder(Number.POSITIVE_INFINITY);
  #seen = Buffer.alloc(0);
  #wantsFlush = false;

  constructor(options: HarnessOptions = {}) {
    this.#options = options;
    this.connection = new Http2Engine(policy(options.settings, options.request), options.peer ?? PEER, this, this.pool);
    if (options.hello !== false) {
      this.send(HELLO);
      this.frames();
    }
  }

  // --- the client ----------------------------------------------------------------------------------------------------

  /** Sends bytes; they are written over afterwards, as a shared buffer is. */
  send(...pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      const lent = Buffer.from(piece);
      this.connection.receive(lent, this.nowMs);
      lent.fill(0xee);
    }
  }

  /** Frames that have come since the last call. */
  frames(): SeenFrame[] {
    this.flush();
    const { frames, rest } = cutFrames(this.#seen);
    assert.equal(rest.length, 0, "the server writes whole frames");
    this.#seen = Buffer.alloc(0);
    return frames;
  }

  /** The same as text: `headers 1 :status=200 END`, `data 1 5 END`, `rstStream 1 CANCEL`, `goaway 3 NO_ERROR`. */
  read(): string[] {
    return this.frames().map((frame) => this.#show(frame));
  }

  #show({ type, flags, streamId, payload }: SeenFrame): string {
    const name = TYPE_NAMES.get(type);
    const end = (flags & FLAG.endStream) !== 0 ? " END" : "";
    switch (type) {
      case FRAME.data:
        return `data ${streamId} ${payload.length}${end}`;
      case FRAME.headers:
        assert.ok((flags & FLAG.endHeaders) !== 0, "blocks of several frames are read by their test");
        return `headers ${streamId} ${this.decode(payload).join(" ")}${end}`;
      case FRAME.rstStream:
        return `rstStream ${streamId} ${ERROR_NAMES.get(payload.readUInt32BE(0))}`;
      case FRAME.goaway:
        return `goaway ${payload.readUInt32BE(0)} ${ERROR_NAMES.get(payload.readUInt32BE(4))}`;
      case FRAME.windowUpdate:
        return `windowUpdate ${streamId} ${payload.readUInt32BE(0)}`;
      case FRAME.settings:
        return (flags & FLAG.ack) !== 0 ? "settings ACK" : `settings ${payload.toString("hex")}`;
      case FRAME.ping:
        return `ping${(flags & FLAG.ack) !== 0 ? " ACK" : ""} ${payload.toString("hex")}`;
      default:
        return `${name} ${streamId}`;
    }
  }

  /** Decodes one of our blocks: `:status=200`. */
  decode(payload: Buffer): string[] {
    const fields: HpackField[] = [];
    this.#decoder.decode(payload, 0, payload.length, fields);
    return fields.map(({ name, value }) => `${name.text}=${value}`);
  }

  // --- the server ----------------------------------------------------------------------------------------------------

  flush(): void {
    this.#wantsFlush = false;
    this.connection.flush();
  }

  write(bytes: Buffer, pooled: Buffer | undefined): boolean {
    this.writes += 1;
    this.#seen = Buffer.concat([this.#seen, bytes]);
    if (pooled !== undefined) this.pool.giveBack(pooled.fill(0xdd));
    return this.clientReads;
  }

  wantsFlush(): void {
    assert.ok(!this.#wantsFlush, "a flush is asked for once");
    this.#wantsFlush = true;
  }

  onRequest(stream: Http2Stream, head: RequestHead): void {
    this.heads.push(head);
    this.headOf.set(stream.id, head);
    this.streams.push(stream);
    this.events.push(`${stream.id} ${head.method} ${head.target}`);
    const chunks: Buffer[] = [];
    this.bodies.set(stream.id, chunks);
    stream.reader = {
      onBody: (chunk) => {
        chunks.push(chunk);
        this.events.push(`${stream.id} body ${chunk.length}`);
        if (this.#options.consume !== false) stream.consumed(chunk.length);
      },
      onBodyEnd: () => this.events.push(`${stream.id} end`),
      onLeft: (code) => this.events.push(`${stream.id} left ${code}`),
    };
    this.#options.onRequest?.(stream, head);
  }

  onRefusal(stream: Http2Stream, error: ProtocolError): void {
    this.streams.push(stream);
    this.refusals.push(error);
    this.events.push(`${stream.id} refused ${error.code}`);
  }

  onEnd(end: ConnectionEnd): void {
    assert.equal(this.end, undefined, "a connection ends once");
    this.end = end;
  }

  body(streamId: number): string {
    return Buffer.concat(this.bodies.get(streamId) ?? []).latin1Slice();
  }
}
