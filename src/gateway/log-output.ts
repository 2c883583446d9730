/** Writes the access log without ever waiting for its reader. */

import { writeSync } from "node:fs";
import type { AccessLogSink } from "../telemetry/access-log.ts";
import { LogFile } from "../telemetry/log-file.ts";

const NOTHING = Buffer.alloc(0);
const LINE_FEED = 0x0a;
/** Lines kept for a pipe whose reader is slow; beyond it they are dropped. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024;
/** What a pipe takes in one piece (PIPE_BUF): longer writes of several processes may be mixed. */
export const PIPE_PIECE_BYTES = 4096;
/** A slow reader is tried again this much later, should no line come before. */
const RETRY_MS = 50;

export class LogOutput implements AccessLogSink {
  readonly #file: LogFile;
  readonly #onError: (text: string) => void;
  readonly #pieceBytes: number;
  #unwritten: Buffer = NOTHING;
  #retry: NodeJS.Timeout | undefined;
  /** A line was written in part before the disk was full: the next one must not be joined to it. */
  #torn = false;

  /**
   * @param target    `"-"` for the standard stream, else a path.
   * @param streamFd  1 or 2.
   * @param onError   A file cannot be opened again: the old one goes on.
   * @param isShared  Other processes write lines there, too, so each write is of whole lines that a pipe takes in one piece.
   */
  constructor(target: string, streamFd: number, onError: (text: string) => void, isShared = false) {
    this.#onError = onError;
    this.#pieceBytes = isShared ? PIPE_PIECE_BYTES : Number.POSITIVE_INFINITY;
    this.#file = new LogFile(target, streamFd);
  }

  /** A full disk or a reader that has gone loses log lines, never requests; a slow reader gets them later. @param text  Whole lines. */
  write(text: string): void {
    const bytes = Buffer.from(this.#torn && this.#unwritten.length === 0 ? `\n${text}` : text, "latin1");
    // Whole lines are dropped, and the new ones: the first of the kept ones may be written in part.
    if (this.#unwritten.length + bytes.length <= UNWRITTEN_BYTES_MAX || this.#unwritten.length === 0) {
      this.#unwritten = this.#unwritten.length === 0 ? bytes : Buffer.concat([this.#unwritten, bytes]);
    }
    this.#writeOut();
  }

  #writeOut(): void {
    let written = 0;
    try {
      while (written < this.#unwritten.length) written += writeSync(this.#file.fd, this.#nextPiece(written));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
        this.#unwritten = Buffer.from(this.#unwritten.subarray(written));
        this.#retry ??= setTimeout(() => {
          this.#retry = undefined;
          this.#writeOut();
        }, RETRY_MS).unref();
        return;
      }
    }
    if (written > 0) this.#torn = this.#unwritten[written - 1] !== LINE_FEED;
    this.#unwritten = NOTHING;
  }

  /** Whole lines, unless one alone is too long. */
  #nextPiece(from: number): Buffer {
    const end = from + this.#pieceBytes;
    if (end >= this.#unwritten.length) return this.#unwritten.subarray(from);
    const lineFeed = this.#unwritten.lastIndexOf(LINE_FEED, end - 1);
    return this.#unwritten.subarray(from, lineFeed >= from ? lineFeed + 1 : end);
  }

  /** What its reader has not taken by now is lost. */
  close(): void {
    this.#writeOut();
    clearTimeout(this.#retry);
    this.#file.close();
  }

  reopen(): void {
    const failure = this.#file.reopen();
    if (failure !== undefined) this.#onError(failure);
  }
}
