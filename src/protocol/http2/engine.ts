/**
 * One client's connection speaking HTTP/2, the server's side (RFC 9113): bytes in, requests out; responses in, bytes out. No
 * sockets and no timers: whoever has the socket feeds what comes, writes what it is given, and says what time it is.
 *
 * Frames are told apart here; what a connection is made of has a file for each part: `frame-reader`, `header-block`,
 * `request-head`, `body-receiver` on the way in, `send-scheduler`, `frame-writer` on the way out.
 */

import type { ProtocolError } from "../../request/protocol-error.ts";
import type { Peer, RequestHead } from "../../request/request-head.ts";
import { AbuseLimits } from "./abuse-limits.ts";
import { BodyReceiver } from "./body-receiver.ts";
import { ConnectionError } from "./connection-error.ts";
import { announcedSettings, ControlFrames } from "./control-frames.ts";
import { FrameReader, type FrameSink, type PayloadUse } from "./frame-reader.ts";
import { type ErrorName, FRAME, STREAM_ID_MAX, WINDOW_DEFAULT } from "./frame-types.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HeaderReceiver } from "./header-receiver.ts";
import type { OutputPool } from "./output-pool.ts";
import type { Http2Policy } from "./policy.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { ReadRequest } from "./request-head.ts";
import { SendScheduler } from "./send-scheduler.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

/** Why a connection has ended. */
export interface ConnectionEnd {
  /** NO_ERROR: nothing was left to do. */
  readonly code: ErrorName;
  /** For the log: `more than 200 streams cancelled or refused in a short time`. */
  readonly reason: string;
}

/** What a connection reports, and where its bytes go. */
export interface Http2Handler {
  /**
   * @param pooled  The buffer that `bytes` lies in: to be given back to the pool once it is sent. Undefined: nobody needs it back.
   * @returns       false when the client is slow: bodies wait until `drained`.
   */
  write(bytes: Buffer, pooled: Buffer | undefined): boolean;
  /** There is something to write: `flush` is to be called before this turn of the event loop is over. */
  wantsFlush(): void;
  /** A request. It is complete with this call when `stream.requestEnded`; else `stream.reader` is to be set now. */
  onRequest(stream: Http2Stream, head: RequestHead): void;
  /** A request that is refused for what every protocol refuses: to be answered on the stream. */
  onRefusal(stream: Http2Stream, error: ProtocolError): void;
  /** Nothing more is read or written; what was written is to be sent, then the socket closed. Called once. */
  onEnd(end: ConnectionEnd): void;
}

/** How far the end has come (RFC 9113 §6.8): announced, so that no more requests set out; then decided which ones still count. */
type Stage = "open" | "announced" | "draining" | "ended";

export class Http2Engine implements FrameSink, StreamOwner {
  /** Of the last `receive`: a clock that only goes forward. */
  nowMs = 0;
  readonly #handler: Http2Handler;
  readonly #policy: Http2Policy;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #limits = new AbuseLimits();
  readonly #streams = new StreamTable();
  readonly #scheduler: SendScheduler;
  readonly #bodies: BodyReceiver;
  readonly #headers: HeaderReceiver;
  readonly #control: ControlFrames;
  #stage: Stage = "open";
  /** The frame that is coming in. */
  #type = 0;
  #flags = 0;
  #streamId = 0;

  constructor(policy: Http2Policy, peer: Peer, handler: Http2Handler, pool: OutputPool) {
    this.#policy = policy;
    this.#handler = handler;
    this.#reader = new FrameReader(this);
    const target = {
      write: (bytes: Buffer, pooled: Buffer | undefined) => {
        if (!handler.write(bytes, pooled)) this.#scheduler.outputFull = true;
      },
      wantsFlush: () => handler.wantsFlush(),
    };
    this.#writer = new FrameWriter(target, pool);
    this.#scheduler = new SendScheduler(this.#writer, this.#limits, (stream) => this.#responseSent(stream));
    this.#writer.settings(announcedSettings(policy));
    this.#bodies = new BodyReceiver(policy.connectionWindow, this.#streams, this.#writer, this.#limits, this);
    this.#headers = new HeaderReceiver(policy, peer, this.#streams, this.#limits, this);
    this.#control = new ControlFrames(this.#streams, this.#writer, this.#scheduler, this.#limits, this);
  }

  // --- for whoever has the socket ------------------------------------------------------------------------------------

  /** Requests whose answers are not complete. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** The client has read what we announced. */
  get settingsAcknowledged(): boolean {
    return this.#control.settingsAcknowledged;
  }

  /** @param chunk  Bytes as they came; they may be written over afterwards. @param nowMs  Monotonic milliseconds. */
  receive(chunk: Buffer, nowMs: number): void {
    if (this.#stage === "ended") return;
    this.nowMs = nowMs;
    this.#guard(() => this.#reader.read(chunk));
  }

  /**
   * Begins with a request that HTTP/1 brought (RFC 7540 §3.2): it becomes stream 1. Before any `receive`.
   *
   * @param settings  Payload of its HTTP2-Settings, which `readUpgrade` has checked.
   */
  upgrade(settings: Buffer, head: RequestHead): void {
    this.#control.applySettings(settings, 0, settings.length);
    this.#streams.lastId = 1;
    this.requestRead(1, { is: "request", head }, true);
  }

  /** Gives what has been written to the handler. */
  flush(): void {
    this.#writer.flush();
  }

  /** The client has taken what was written, after `write` gave false. */
  drained(): void {
    if (this.#stage !== "ended") this.#scheduler.outputFull = false;
  }

  /** Announces the end: requests that are under way are still served. Once the client has read it, `settleDrain` follows by itself. */
  drain(): void {
    if (this.#stage !== "open") return;
    this.#stage = "announced";
    this.#writer.goaway(STREAM_ID_MAX, "NO_ERROR");
    this.#control.pingForDrain();
  }

  /** Says which requests are the last; later ones are refused, so that the client sends them elsewhere. For clients that do not answer `drain`. */
  settleDrain(): void {
    if (this.#stage !== "announced") return;
    this.#stage = "draining";
    this.#writer.goaway(this.#streams.lastId, "NO_ERROR");
    this.endIfDone();
  }

  /** Ends the connection for a reason of ours, e.g. a limit of time. */
  close(code: ErrorName, reason: string): void {
    if (this.#stage === "ended") return;
    this.#writer.goaway(this.#streams.lastId, code);
    this.#end({ code, reason });
  }

  /** The client sends nothing more, but may still read: requests that are complete are answered, the others are cut. */
  inputEnded(): void {
    if (this.#stage === "ended") return;
    this.#control.peerLeaves = true;
    for (const stream of this.#streams.all()) if (!stream.requestEnded) this.#forget(stream, "CANCEL");
    this.endIfDone();
  }

  /** The client has gone. */
  clientLeft(): void {
    if (this.#stage === "ended") return;
    this.#stage = "ended";
    this.#reader.close();
    this.#leaveAll("CANCEL");
  }

  // --- from the frame reader -----------------------------------------------------------------------------------------

  onFrameHead(type: number, flags: number, streamId: number, length: number): PayloadUse {
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    if (length > this.#policy.maxFrameSize) throw new ConnectionError("FRAME_SIZE_ERROR", `frame of ${length} bytes`);
    this.#headers.checkOrder(type, streamId);
    this.#control.checkFirst(type, flags);
    switch (type) {
      case FRAME.data:
        return this.#bodies.begin(flags, streamId, length) ? "pieces" : "none";
      case FRAME.headers:
        return this.#headers.beginHeaders(streamId, length);
      case FRAME.continuation:
        return this.#headers.beginContinuation(length);
      default:
        return this.#control.begin(type, flags, streamId, length);
    }
  }

  onPayload(bytes: Buffer, at: number, end: number): void {
    if (this.#type === FRAME.headers) this.#headers.headers(bytes, at, end, this.#flags, this.#streamId);
    else if (this.#type === FRAME.continuation) this.#headers.continuation(bytes, at, end, this.#flags);
    else this.#control.payload(bytes, at, this.#type, this.#flags, this.#streamId, end);
  }

  onPiece(bytes: Buffer, at: number, end: number, isLast: boolean): void {
    this.#bodies.piece(bytes, at, end, isLast);
  }

  // --- from the parts that read --------------------------------------------------------------------------------------

  /** A request's head is complete. */
  requestRead(id: number, request: ReadRequest, ended: boolean): void {
    if (this.#stage === "draining") {
      // RFC 9113 §6.8: the client knows that it was not served, and may send it again elsewhere.
      this.#refuse(id, "REFUSED_STREAM");
      return;
    }
    if (this.#streams.size >= this.#policy.maxConcurrentStreams) {
      this.breakStream(id, "REFUSED_STREAM");
      return;
    }
    if (request.is === "malformed") {
      this.breakStream(id, "PROTOCOL_ERROR");
      return;
    }
    const stream = this.#openStream(id, request, ended);
    if (request.is === "refused") this.#handler.onRefusal(stream, request.error);
    else this.#handler.onRequest(stream, request.head);
  }

  #openStream(id: number, request: ReadRequest, ended: boolean): Http2Stream {
    const head = request.is === "request" ? request.head : undefined;
    const framing = head?.framing;
    const connectProtocol = head?.connectProtocol;
    const isEmpty = framing?.kind === "none" && connectProtocol === undefined;
    const bodyBytes = framing?.kind === "length" ? framing.bytes : isEmpty ? 0 : Number.POSITIVE_INFINITY;
    // Until the client has read our settings it goes by the usual window (RFC 9113 §6.9.2).
    const announced = this.#policy.initialWindowSize;
    const receive = new ReceiveWindow(this.settingsAcknowledged ? announced : Math.max(announced, WINDOW_DEFAULT));
    const windows = { send: this.#control.initialWindow, receive };
    const stream = new Http2Stream(this, this.#scheduler, id, { ended, bodyBytes, connectProtocol }, windows);
    this.#streams.add(stream);
    return stream;
  }

  requestEnded(stream: Http2Stream): void {
    stream.requestEnded = true;
    stream.reader?.onBodyEnd();
  }

  /** The client has broken a rule on a stream (RFC 9113 §5.4.2), which may be one that has ended. */
  breakStream(id: number, code: ErrorName): void {
    this.#limits.countReset(this.nowMs);
    this.#refuse(id, code);
  }

  #refuse(id: number, code: ErrorName): void {
    this.#writer.rstStream(id, code);
    this.#streams.noteReset(id);
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#forget(stream, code);
  }

  /** The client has cancelled a stream. */
  streamCancelled(stream: Http2Stream): void {
    this.#limits.countReset(this.nowMs);
    this.#forget(stream, "CANCEL");
  }

  /** Our settings have been read. */
  settingsRead(): void {
    const less = WINDOW_DEFAULT - this.#policy.initialWindowSize;
    if (less <= 0) return;
    for (const stream of this.#streams.all()) stream.receiveWindow.shrink(less);
  }

  /** Ends a connection on which nothing will come any more. */
  endIfDone(): void {
    if (this.#stage === "ended") return;
    const isLeaving = this.#stage === "draining" || this.#control.peerLeaves;
    if (isLeaving && this.#streams.size === 0) this.#end({ code: "NO_ERROR", reason: "all requests are answered" });
  }

  // --- from the streams ----------------------------------------------------------------------------------------------

  consumed(stream: Http2Stream, bytes: number): void {
    this.#bodies.consumed(stream, bytes);
  }

  resetStream(stream: Http2Stream, code: ErrorName): void {
    stream.reader = undefined;
    this.#refuse(stream.id, code);
  }

  #responseSent(stream: Http2Stream): void {
    stream.responseEnded = true;
    stream.source = undefined;
    // The rest of a request that has its answer is not wanted (RFC 9113 §8.1).
    if (!stream.requestEnded) this.resetStream(stream, "NO_ERROR");
    else this.#forget(stream, undefined);
    stream.onAnswered?.();
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  /** @param code  Why, when its reader did not see it end by itself. */
  #forget(stream: Http2Stream, code: ErrorName | undefined): void {
    stream.closed = true;
    stream.source = undefined;
    this.#streams.remove(stream);
    this.#scheduler.forget(stream);
    this.#bodies.forget(stream);
    if (code !== undefined) stream.reader?.onLeft(code);
    this.endIfDone();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.close(error.code, error.message);
    }
  }

  #end(end: ConnectionEnd): void {
    this.#stage = "ended";
    this.#reader.close();
    this.flush();
    this.#leaveAll(end.code);
    this.#handler.onEnd(end);
  }

  #leaveAll(code: ErrorName): void {
    for (const stream of this.#streams.all()) {
      stream.closed = true;
      stream.source = undefined;
      stream.reader?.onLeft(code);
    }
  }
}
