/**
 * One WebSocket between its client and its worker: frames of RFC 6455 on one side, messages on the other. What carries the client's bytes
 * is a `Tunnel`: it does not know HTTP.
 *
 * Both ways go by credit. The worker grants what the application has received, and without credit the client is not read; the worker gets
 * credit as the client takes what was sent. So neither side's slowness is memory here, beyond one window and one message.
 */

import { Sender } from "ws";
import type { Tunnel, TunnelUser } from "../request/exchange.ts";
import { MESSAGE_COST_BYTES, STREAM_WINDOW_BYTES } from "../wire/frame-types.ts";
import type { SharedMessage } from "./shared-message.ts";
import type { Agreement } from "./websocket-compression.ts";
import { frameHead, TunnelSink } from "./websocket-frames-out.ts";
import { failureOf, makeReceiver, type StrictReceiver } from "./websocket-receiver.ts";
import { readWholeMessage } from "./websocket-whole-messages.ts";

/** RFC 6455 §7.4.1. */
export const GOING_AWAY = 1001;
export const SERVICE_RESTART = 1012;
export const INTERNAL_ERROR = 1011;
const NORMAL = 1000;
const NO_STATUS = 1005;
const ABNORMAL = 1006;

/** A client that does not answer our close frame is left after so long: Gunicorn's number. */
const CLOSE_REPLY_MS = 5000;
/** Shorter messages are sent as they are: deflate costs a trip to zlib's thread and saves some hundred bytes. ws's number. */
const COMPRESSED_BYTES_MIN = 1024;
/** The client's bytes are read in pieces of this size as long as there is credit: a piece may be two thousand messages of no bytes. */
const PIECE_BYTES = 16384;
/** The same where messages are compressed: they can inflate a thousandfold. */
const COMPRESSED_PIECE_BYTES = 4096;
/** Chunks that are held while the receiver inflates; beyond them the client is not read. Each is at most a read of 64 KiB. */
const UNREAD_CHUNKS_MAX = 2;
/** Credit is given back in quarters of the window: fewer frames, and the worker never runs dry. */
const CREDIT_STEP_BYTES = STREAM_WINDOW_BYTES / 4;

const EMPTY = Buffer.alloc(0);

/** The worker's end. */
export interface SessionWorker {
  /** A message of the client, whole; text has been checked to be UTF-8. @param payload  Valid during the call only. */
  message(payload: Buffer, binary: boolean): void;
  /** It is over: said once, unless the worker was the one that closed. @param code  1006 when there was no close frame. */
  closed(code: number, reason: Buffer): void;
  /** That much more may be sent. */
  credit(bytes: number): void;
}

export class WebsocketSession implements TunnelUser {
  readonly #worker: SessionWorker;
  readonly #receiver: StrictReceiver;
  readonly #messageBytesMax: number;
  readonly #sender: Sender;
  readonly #deflate: Agreement["deflate"];
  readonly #onOver: () => void;
  readonly #pieceBytes: number;
  readonly #sink = new TunnelSink((frame) => this.#write(frame));
  #tunnel: Tunnel | undefined;
  /** Client's bytes that are not read yet, because there is no credit or the receiver inflates. */
  #unread: Buffer[] = [];
  /** What the worker takes, see MESSAGE_COST_BYTES. Below zero: a message is larger than what was left. */
  #credit = STREAM_WINDOW_BYTES;
  /** The receiver is at work: it may be inflating. */
  #receiving = false;
  /** Nothing that the client still sends counts. */
  #readAll = false;
  #paused = false;
  /** The client does not take our bytes. */
  #clientFull = false;
  /** Messages that are with ws, because they or one before them are compressed. */
  #deflating = 0;
  /** The application's message goes on. */
  #inPieces = false;
  /** Credit that the worker has not been given back. */
  #owed = 0;
  /** Messages that are not read on because pongs wait: a client that pings and does not read must not fill memory with them. */
  #pongsWait = false;
  #closeSent = false;
  /** It has left: with compression it may have to wait for messages before it. */
  #closeWritten = false;
  #endDue = false;
  #replyTimer: NodeJS.Timeout | undefined;
  #workerTold = false;
  #over = false;

  /** @param onOver  Nothing more will happen. */
  constructor(worker: SessionWorker, messageBytesMax: number, { extensions, deflate }: Agreement, onOver: () => void) {
    this.#worker = worker;
    this.#messageBytesMax = messageBytesMax;
    this.#deflate = deflate;
    this.#pieceBytes = deflate === undefined ? PIECE_BYTES : COMPRESSED_PIECE_BYTES;
    this.#onOver = onOver;
    this.#sender = new Sender(this.#sink, extensions);
    this.#receiver = makeReceiver(extensions, messageBytesMax);
    this.#receiver.on("message", (payload: Buffer, binary: boolean) => this.#onMessage(payload, binary));
    this.#receiver.on("ping", (payload: Buffer) => this.#onPing(payload));
    this.#receiver.on("conclude", (code: number, reason: Buffer) => this.#onClose(code, reason));
    // Said to the caller of `write` as well.
    this.#receiver.on("error", () => {});
  }

  /** The handshake has been answered. */
  begin(tunnel: Tunnel): void {
    this.#tunnel = tunnel;
    tunnel.resume();
  }

  // --- from the client ---------------------------------------------------------------------------------------------

  onBytes(chunk: Buffer): void {
    if (this.#readAll) return;
    const at = this.#readWholeMessages(chunk);
    if (at === chunk.length) return;
    // The receiver keeps what it is given, and unmasks it in place.
    this.#unread.push(Buffer.from(chunk.subarray(at)));
    this.#read();
  }

  /** The hot path: while ws is between messages, those that are whole need nothing of it. @returns  Where what ws is to read begins. */
  #readWholeMessages(chunk: Buffer): number {
    let at = 0;
    if (this.#receiving || this.#unread.length > 0 || !this.#receiver.betweenMessages) return at;
    while (at < chunk.length && this.#credit > 0 && !this.#pongsWait && !this.#closeSent) {
      const message = readWholeMessage(chunk, at, this.#messageBytesMax);
      if (message === undefined) break;
      this.#onMessage(message.payload, message.binary);
      at = message.end;
    }
    return at;
  }

  onDrain(): void {
    this.#clientFull = false;
    this.#repay();
    this.#read();
  }

  /** Without a close frame, which would have been the end. */
  onEnd(): void {
    this.#tellWorker(ABNORMAL, EMPTY);
    this.#tunnel?.end();
    this.#finish();
  }

  onGone(): void {
    this.#tellWorker(ABNORMAL, EMPTY);
    this.#finish();
  }

  /** Reads on while somebody takes what comes. Once our close frame is out only the client's is waited for, and needs no credit. */
  #read(): void {
    while (!this.#receiving && !this.#readAll && this.#unread.length > 0 && this.#mayRead) {
      this.#receiving = true;
      this.#receiver.write(this.#nextPiece(), (error) => this.#onReceived(error));
    }
    this.#pauseOrResume();
  }

  get #mayRead(): boolean {
    return this.#closeSent || (this.#credit > 0 && !this.#pongsWait);
  }

  #onReceived(error: Error | null | undefined): void {
    this.#receiving = false;
    if (this.#over) this.#release();
    else if (error) this.#fail(error);
    else this.#read();
  }

  #nextPiece(): Buffer {
    const first = this.#unread[0]!;
    if (first.length <= this.#pieceBytes) return this.#unread.shift()!;
    this.#unread[0] = first.subarray(this.#pieceBytes);
    return first.subarray(0, this.#pieceBytes);
  }

  #pauseOrResume(): void {
    const pause = this.#unread.length > 0 && (!this.#mayRead || this.#unread.length > UNREAD_CHUNKS_MAX);
    if (pause === this.#paused || this.#readAll) return;
    this.#paused = pause;
    if (pause) this.#tunnel?.pause();
    else this.#tunnel?.resume();
  }

  #onMessage(payload: Buffer, binary: boolean): void {
    if (this.#closeSent) return;
    this.#credit -= payload.length + MESSAGE_COST_BYTES;
    this.#worker.message(payload, binary);
  }

  #onPing(payload: Buffer): void {
    if (this.#closeSent) return;
    this.#sender.pong(payload, false);
    this.#pongsWait = this.#clientFull;
  }

  /** @param code  1005 for a close frame without one. */
  #onClose(code: number, reason: Buffer): void {
    if (!this.#closeSent) {
      // 1005 must not be sent; Gunicorn's answer is 1000.
      this.#sendClose(code === NO_STATUS ? NORMAL : code, reason);
      this.#tellWorker(code, reason);
    }
    this.#end();
  }

  /** The client broke a rule, or a limit. */
  #fail(error: Error): void {
    const { code, reason } = failureOf(error);
    this.#sendClose(code, Buffer.from(reason));
    this.#tellWorker(ABNORMAL, EMPTY);
    this.#end();
  }

  // --- from the worker ---------------------------------------------------------------------------------------------

  /** The application has received so much. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.#unread.length > 0) this.#read();
  }

  /** One piece of a message of the application. @param payload  Valid during the call only. */
  send(payload: Buffer, binary: boolean, last: boolean): void {
    if (this.#closeSent || this.#over) return;
    const cost = payload.length + (last ? MESSAGE_COST_BYTES : 0);
    const whole = last && !this.#inPieces;
    this.#inPieces = !last;
    if (whole && this.#leavesAsItIs(payload.length)) {
      this.#write(frameHead(payload.length, binary) + payload.latin1Slice());
      this.#owe(cost);
      return;
    }
    // Of several pieces the first says whether the message is compressed; ws ignores what the others say.
    const compress = this.#deflate !== undefined && (!whole || payload.length >= COMPRESSED_BYTES_MIN);
    this.#deflating++;
    this.#sender.send(Buffer.from(payload), { binary, fin: last, compress, mask: false }, () => {
      this.#deflating--;
      this.#owe(cost);
    });
  }

  /** The hot path: nothing that ws would have to put in order, or to compress. */
  #leavesAsItIs(payloadBytes: number): boolean {
    return payloadBytes < COMPRESSED_BYTES_MIN && this.#deflating === 0;
  }

  /** A whole message of the application, which others get too. */
  sendShared(message: SharedMessage): void {
    const { length } = message.payload;
    if (this.#inPieces || !this.#leavesAsItIs(length)) {
      this.send(message.payload, message.binary, true);
      return;
    }
    if (this.#closeSent || this.#over) return;
    this.#write(message.frame(frameHead));
    this.#owe(length + MESSAGE_COST_BYTES);
  }

  /** Somebody on our side ends it: the application (which need not be told), or the server. @param reason  At most 123 bytes. */
  close(code: number, reason: Buffer, by: "application" | "server"): void {
    if (this.#closeSent || this.#over) return;
    this.#sendClose(code, reason);
    if (by === "application") this.#workerTold = true;
    else this.#tellWorker(code, reason);
    this.#replyTimer = setTimeout(() => {
      this.#tunnel?.cut();
      this.#finish();
    }, CLOSE_REPLY_MS);
    this.#read();
  }

  // --- both --------------------------------------------------------------------------------------------------------

  #write(frame: Buffer | string): void {
    if (this.#tunnel?.write(frame) === false) this.#clientFull = true;
  }

  #owe(bytes: number): void {
    this.#owed += bytes;
    this.#repay();
  }

  #repay(): void {
    this.#pongsWait &&= this.#clientFull;
    if (this.#clientFull || this.#owed < CREDIT_STEP_BYTES || this.#closeSent || this.#over) return;
    const bytes = this.#owed;
    this.#owed = 0;
    this.#worker.credit(bytes);
  }

  #sendClose(code: number, reason: Buffer): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#sender.close(code, reason, false, () => {
      this.#closeWritten = true;
      if (this.#endDue) this.#end();
    });
  }

  #tellWorker(code: number, reason: Buffer): void {
    if (this.#workerTold) return;
    this.#workerTold = true;
    this.#worker.closed(code, reason);
  }

  /** Both close frames are out, or the client has lost its right to the other: what was written is still sent (RFC 6455 §7.1.1). */
  #end(): void {
    this.#readAll = true;
    this.#endDue = true;
    if (!this.#closeWritten) return;
    this.#tunnel?.end();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#readAll = true;
    clearTimeout(this.#replyTimer);
    this.#unread = [];
    this.#sink.destroyed = true;
    // Not while zlib is at work: ws would not get over it.
    if (!this.#receiving) this.#release();
    this.#onOver();
  }

  #release(): void {
    this.#receiver.destroy();
    this.#deflate?.cleanup();
  }
}
