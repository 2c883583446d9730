/** Sends a file that a worker named: opened here, checked to be the same file, read while the client takes it (design §3, "Files"). */

import { constants, fstat, read } from "node:fs";
import type { ResponseSink } from "../request/exchange.ts";
import type { FileReference } from "../wire/frames.ts";
import { closeFile, openFile } from "./descriptors.ts";

const READ_BYTES = 262144;

export class FileSender {
  readonly #sink: ResponseSink;
  readonly #fd: number;
  #position: number;
  #left: number;
  #reading = false;
  #sinkTakes = true;
  #closed = false;

  /** @param fd  An open file; it is closed here. */
  constructor(sink: ResponseSink, fd: number, offset: number, bytes: number) {
    this.#sink = sink;
    this.#fd = fd;
    this.#position = offset;
    this.#left = bytes;
    sink.onDrain = () => {
      this.#sinkTakes = true;
      this.#read();
    };
    this.#read();
  }

  #read(): void {
    if (this.#reading || this.#closed || !this.#sinkTakes) return;
    if (this.#left === 0) {
      this.#close();
      this.#sink.end();
      return;
    }
    this.#reading = true;
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.#left));
    read(this.#fd, buffer, 0, buffer.length, this.#position, (error, bytes) => {
      this.#reading = false;
      if (this.#closed) {
        closeFile(this.#fd);
        return;
      }
      // Shorter than promised (truncated meanwhile) or unreadable: the client must see that the response is cut.
      if (error !== null || bytes === 0) {
        this.#close();
        this.#sink.abort();
        return;
      }
      this.#position += bytes;
      this.#left -= bytes;
      this.#sinkTakes = this.#sink.body(buffer.subarray(0, bytes));
      this.#read();
    });
  }

  /** The client has left. */
  discard(): void {
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#reading) closeFile(this.#fd);
  }
}

/**
 * Opens the file a worker named, if it is still the file the worker had open.
 *
 * @param done  Gets the descriptor, or undefined: then the worker must send the bytes itself.
 */
export function openReferencedFile(reference: FileReference, done: (fd: number | undefined) => void): void {
  // Node throws at such a name; no file has it.
  if (reference.path.includes("\0")) {
    done(undefined);
    return;
  }
  // Not blocking: behind the name may be a pipe by now, and its opening would wait for a writer.
  openFile(reference.path, constants.O_RDONLY | constants.O_NONBLOCK, 0, (error, fd) => {
    if (error !== null) {
      done(undefined);
      return;
    }
    fstat(fd, { bigint: true }, (statError, stats) => {
      const same = statError === null && stats.isFile() && stats.dev === reference.device && stats.ino === reference.inode;
      if (same) done(fd);
      else closeFile(fd, () => done(undefined));
    });
  });
}
