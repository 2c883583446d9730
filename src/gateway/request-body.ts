/**
 * One request's body on its way to a blocking worker (design §3): gathered in memory, then on disk, until it is whole, its
 * time is over or its room is used up; then it goes to the worker as the worker grants credit.
 */

import type { BodyEnd, BodyReader, RequestStream } from "../request/exchange.ts";
import { FRAME_BODY_BYTES_MAX } from "../wire/frame-types.ts";
import { ByteSpool, type SpoolLimits } from "./byte-spool.ts";
import type { WorkerLink } from "./worker-link.ts";

export class RequestBody implements BodyReader {
  readonly #stream: RequestStream;
  readonly #spool: ByteSpool;
  readonly #onGathered: () => void;
  readonly #onLost: () => void;
  #gathering = true;
  #end: BodyEnd | undefined;
  #link: WorkerLink | undefined;
  #id = 0;
  #credit = 0;
  #endSent = false;
  #destroyed = false;

  /**
   * @param onGathered  The worker may start: called once.
   * @param onLost      Bytes of the body were spooled and cannot be read back.
   */
  constructor(stream: RequestStream, limits: SpoolLimits, onGathered: () => void, onLost: () => void) {
    this.#stream = stream;
    this.#onGathered = onGathered;
    this.#onLost = onLost;
    this.#spool = new ByteSpool(
      limits,
      () => this.#pump(),
      () => stream.resumeBody(),
    );
  }

  onChunk(chunk: Buffer): void {
    // The worker has answered without it: what still comes is nobody's.
    if (this.#destroyed) return;
    this.#spool.push(chunk);
    if (!this.#spool.wantsMore) this.#stream.pauseBody();
    this.#pump();
  }

  onEnd(end: BodyEnd): void {
    this.#end = end;
    this.stopGathering();
    this.#pump();
  }

  /** Bytes that have come and are not with a worker. */
  get gatheredBytes(): number {
    return this.#spool.size;
  }

  /** Starts the worker with what has come. */
  stopGathering(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#onGathered();
  }

  /** The whole body, if all of it is at hand and no larger than `maxBytes`; it is then no longer here. */
  takeWhole(maxBytes: number): Buffer | undefined {
    if (this.#end !== "complete" || this.#spool.size > maxBytes) return undefined;
    return this.#spool.takeAllFromMemory();
  }

  /** What `takeWhole` gave: it goes another way. */
  putBack(body: Buffer): void {
    if (body.length > 0) this.#spool.push(body);
  }

  /** The worker can take that many more bytes. */
  grant(link: WorkerLink, id: number, bytes: number): void {
    this.#link = link;
    this.#id = id;
    this.#credit += bytes;
    this.#pump();
  }

  #pump(): void {
    if (this.#destroyed || this.#endSent) return;
    if (this.#spool.bytesLost) {
      this.#onLost();
      return;
    }
    // Not when only the disk is slow: a client that begins fast and then stalls would hold a worker.
    if (this.#spool.needsReader) this.stopGathering();
    if (this.#link === undefined) return;
    while (this.#credit > 0) {
      const chunk = this.#spool.shift(Math.min(this.#credit, FRAME_BODY_BYTES_MAX));
      if (chunk === undefined) break;
      this.#credit -= chunk.length;
      this.#link.body(this.#id, chunk);
    }
    if (this.#end === undefined || this.#spool.size > 0) return;
    this.#endSent = true;
    this.#link.bodyEnd(this.#id, this.#end === "short");
  }

  destroy(): void {
    this.#destroyed = true;
    this.#spool.destroy();
  }
}
