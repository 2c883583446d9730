/** The gateway's end of one worker's channel. It is always read, whatever the clients do (design §3, "Progress"). */

import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { BODY_SHORT, FRAME_BODY_BYTES_MAX, MESSAGE_GOES_ON, TO_WORKER } from "../wire/frame-types.ts";
import {
  closedFrame,
  completedFrame,
  creditFrame,
  creditText,
  FrameError,
  FrameReader,
  type FrameView,
  frameToWorker,
  messageFrame,
  requestFrame,
} from "../wire/frames.ts";
import { LastingSocket } from "./lasting-socket.ts";

/** One read takes at most this much: several small responses at once, or a quarter of a response window. */
const READ_BUFFER_BYTES = 65536;

/** WebSocket messages up to this size are joined, and leave in one write per turn; larger ones are not worth the copy. */
const JOINED_MESSAGE_BYTES_MAX = 4096;

/** What a link reports. */
export interface LinkHandler {
  onFrame(link: WorkerLink, frame: FrameView): void;
  /** The channel's end; every frame sent before it has been reported. */
  onLost(link: WorkerLink, reason: string | undefined): void;
  /** What waited for the worker has gone to the kernel. */
  onDrain(): void;
  /** An error that should not have been possible: the link is given up, so that no other suffers from it. */
  onFault(error: unknown): void;
}

/** Node's `onread` option exists for sockets made from handles too, but its type declarations know it for `connect` only. */
interface SocketOptions {
  readonly handle: unknown;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly onread: { readonly buffer: Buffer; readonly callback: (bytes: number, buffer: Buffer) => boolean };
}

export class WorkerLink {
  /** Of the lane: what its claims say. */
  readonly number: number;
  readonly worker: number;
  readonly pid: number;
  /** Requests that it has answered. */
  answers = 0;
  readonly generation: number;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #handler: LinkHandler;
  #fault: string | undefined;
  #lost = false;
  /** Requests of this turn of the event loop, as latin-1 text: one write carries them all. */
  #batch = "";

  /**
   * @param handle  The channel as Node received it from the nursery.
   * @param worker  Whose lane it is; a sync worker's only lane has its number.
   */
  constructor(number: number, pid: number, handle: unknown, handler: LinkHandler, worker = number, generation = 0) {
    this.number = number;
    this.worker = worker;
    this.generation = generation;
    this.pid = pid;
    this.#handler = handler;
    this.#reader = new FrameReader((frame) => handler.onFrame(this, frame));
    const options: SocketOptions = {
      handle,
      readable: true,
      writable: true,
      // One buffer for the link's whole life: the default makes a new one for every read.
      onread: { buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), callback: (bytes, buffer) => this.#receive(buffer.subarray(0, bytes)) },
    };
    this.#socket = new LastingSocket(options as ConstructorParameters<typeof Socket>[0]);
    this.#socket.on("error", () => {});
    this.#socket.on("drain", () => handler.onDrain());
    this.#socket.on("close", () => this.#lose());
    (this.#socket as Readable).resume();
  }

  #receive(bytes: Buffer): boolean {
    if (this.#fault !== undefined) return true;
    try {
      this.#reader.feed(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) this.#handler.onFault(error);
      this.#fault = (error as Error).message;
      this.#socket.destroy();
    }
    return true;
  }

  /** What is sent may arrive. */
  get open(): boolean {
    return this.#fault === undefined && this.#socket.writable;
  }

  /** Bytes that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#batch.length;
  }

  /** Pushes a request. @param body  The whole body; undefined when it comes in BODY frames. */
  request(stream: number, head: string, body: Buffer | undefined, flags: number): void {
    this.#join(requestFrame(stream, head, body, flags));
  }

  /** A WebSocket message, in as many frames as it takes. */
  message(stream: number, payload: Buffer, binary: boolean): void {
    const type = binary ? TO_WORKER.binary : TO_WORKER.text;
    if (payload.length <= JOINED_MESSAGE_BYTES_MAX) {
      this.#join(messageFrame(type, stream, payload));
      return;
    }
    for (let at = 0; at < payload.length; at += FRAME_BODY_BYTES_MAX) {
      const goesOn = at + FRAME_BODY_BYTES_MAX < payload.length;
      this.#send(frameToWorker(type, stream, payload.subarray(at, at + FRAME_BODY_BYTES_MAX), goesOn ? MESSAGE_GOES_ON : 0));
    }
  }

  /** The client of a WebSocket has taken so much; of a broadcast all of them do, in one turn. */
  messagesTaken(stream: number, bytes: number): void {
    this.#join(creditText(stream, bytes));
  }

  /** A WebSocket is over. */
  closed(stream: number, code: number, reason: Buffer): void {
    this.#send(closedFrame(stream, code, reason));
  }

  #join(frame: string): void {
    if (this.#batch === "") setImmediate(() => this.#flush());
    this.#batch += frame;
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = "";
    if (batch !== "" && this.#socket.writable) this.#socket.write(batch, "latin1");
  }

  stop(): void {
    this.#send(frameToWorker(TO_WORKER.stop, 0));
  }

  ping(): void {
    this.#send(frameToWorker(TO_WORKER.ping, 0));
  }

  head(stream: number, environ: string): void {
    this.#send(frameToWorker(TO_WORKER.head, stream, Buffer.from(environ, "latin1")));
  }

  body(stream: number, chunk: Buffer): void {
    this.#send(frameToWorker(TO_WORKER.body, stream, chunk));
  }

  bodyEnd(stream: number, short: boolean): void {
    this.#send(frameToWorker(TO_WORKER.bodyEnd, stream, undefined, short ? BODY_SHORT : 0));
  }

  credit(stream: number, bytes: number): void {
    this.#send(creditFrame(stream, bytes));
  }

  cancel(stream: number): void {
    this.#send(frameToWorker(TO_WORKER.cancel, stream));
  }

  clientFin(stream: number): void {
    this.#send(frameToWorker(TO_WORKER.clientFin, stream));
  }

  fileTaken(stream: number): void {
    this.#send(frameToWorker(TO_WORKER.fileTaken, stream));
  }

  fileRefused(stream: number): void {
    this.#send(frameToWorker(TO_WORKER.fileRefused, stream));
  }

  /** Reports what became of a request of this worker's, in whichever lane. */
  completed(stream: number, status: number, bodyBytes: number, durationUs: number): void {
    this.#send(completedFrame(stream, status, bodyBytes, durationUs));
  }

  /** What became of requests is reported elsewhere from now on. */
  reportsEnd(): void {
    this.#send(frameToWorker(TO_WORKER.reportsEnd, 0));
  }

  #send(frame: Buffer): void {
    // Behind the requests that came before it.
    this.#flush();
    if (this.#socket.writable) this.#socket.write(frame);
  }

  /** Closes the channel, unread; the loss is reported before this returns. */
  giveUp(reason: string): void {
    this.#fault ??= reason;
    this.#socket.destroy();
    this.#lose();
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#handler.onLost(this, this.#fault);
  }
}
