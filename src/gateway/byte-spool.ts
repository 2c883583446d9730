/**
 * A first-in first-out store of bytes: in memory up to a limit, then in a file that has no name any more.
 *
 * It stands between a fast side and a slow one: an upload that a worker does not read yet, a response that its
 * client takes slowly. Nothing it is given is ever refused; `wantsMore` says when to stop giving.
 */

import { read, unlink, write } from "node:fs";
import { join } from "node:path";
import { ChunkList } from "./chunk-list.ts";
import { closeFile, openFile } from "./descriptors.ts";

/** Bytes on disk, or in memory, counted over all spools that share it. */
export interface SpoolBudget {
  usedBytes: number;
  readonly maxBytes: number;
}

export interface SpoolLimits {
  /** Bytes kept in memory. */
  readonly memoryBytes: number;
  /** Memory of all spools together: when it is used up, more goes to the disk at once. Two thousand slow readers would fill a gigabyte. */
  readonly memoryBudget: SpoolBudget;
  /** Bytes on disk for this spool alone; 0: it has no file. */
  readonly fileBytes: number;
  readonly budget: SpoolBudget;
  /** Where the file is made. */
  readonly directory: string;
  /** The directory cannot be used: the disk is full, missing, failing. Told once by each spool that meets it. */
  readonly onDiskError: (error: NodeJS.ErrnoException, directory: string) => void;
}

/** Bytes handed to the disk and not yet written: one slow write must not make a spool hold a whole upload in memory. */
const PENDING_BYTES_MAX = 1024 * 1024;
const READ_BYTES = 65536;

let serial = 0;

export class ByteSpool {
  readonly #limits: SpoolLimits;
  readonly #onReadable: () => void;
  readonly #onWritable: () => void;
  /** Oldest bytes. Then what lies in the file from `#readAt` to `#writtenTo`, then `#pending`. */
  readonly #memory = new ChunkList();
  #memoryCounted = 0;
  #fd: number | undefined;
  #opening = false;
  /**
   * Counted from the first byte that ever went to the file. The file is a ring of `fileBytes`, so that what was read is
   * written over: a long transfer through a slow client does not fill the disk.
   */
  #readAt = 0;
  #writtenTo = 0;
  readonly #pending = new ChunkList();
  #reading = false;
  #writing = false;
  /** The disk refused: what comes now stays in memory, and `wantsMore` is false until it has been taken. */
  #brokenBy: NodeJS.ErrnoException | undefined;
  /** Bytes that were in the file cannot be read back: what the spool held is incomplete. */
  #bytesLost = false;
  #destroyed = false;
  #saidFull = false;

  /**
   * @param onReadable  `shift` will give bytes again after it gave none, or `needsReader` has become true.
   * @param onWritable  `wantsMore` has become true again.
   */
  constructor(limits: SpoolLimits, onReadable: () => void, onWritable: () => void) {
    this.#limits = limits;
    this.#onReadable = onReadable;
    this.#onWritable = onWritable;
  }

  /** Bytes in the spool. */
  get size(): number {
    return this.#memory.size + this.#fileBytes + this.#pending.size;
  }

  get #fileBytes(): number {
    return this.#writtenTo - this.#readAt;
  }

  /** The file could not be read back: its owner gives up on the message. */
  get bytesLost(): boolean {
    return this.#bytesLost;
  }

  /** False: stop giving until `onWritable`. */
  get wantsMore(): boolean {
    const more = this.#hasRoom();
    if (!more) this.#saidFull = true;
    return more;
  }

  /** It is full, and nothing but `shift` will make room: not so while the disk is merely slower than whoever gives. */
  get needsReader(): boolean {
    return !this.#hasRoom() && !this.#hasDisk();
  }

  #hasRoom(): boolean {
    // An empty spool always takes something, whatever the limits: else nothing would ever go through it.
    const held = this.size;
    if (held === 0) return true;
    const { memoryBytes, memoryBudget, fileBytes } = this.#limits;
    if (fileBytes === 0 && memoryBudget.usedBytes >= memoryBudget.maxBytes) return false;
    if (held < memoryBytes) return true;
    return this.#pending.size < PENDING_BYTES_MAX && this.#hasDisk();
  }

  /** There is room in the file, and it can be written. */
  #hasDisk(): boolean {
    if (this.#brokenBy !== undefined) return false;
    const { fileBytes, budget } = this.#limits;
    return this.#fileBytes + this.#pending.size < fileBytes && budget.usedBytes < budget.maxBytes;
  }

  /** @param chunk  Bytes to keep; ignored once destroyed. */
  push(chunk: Buffer): void {
    if (this.#destroyed) return;
    const fileInUse = this.#fileBytes > 0 || this.#pending.size > 0;
    const { memoryBytes, memoryBudget } = this.#limits;
    const fits = this.#memory.size + chunk.length <= memoryBytes && memoryBudget.usedBytes + chunk.length <= memoryBudget.maxBytes;
    if (!fileInUse && (fits || this.#brokenBy !== undefined || this.#limits.fileBytes === 0)) {
      this.#memory.push(chunk);
      this.#countMemory();
      return;
    }
    this.#pending.push(chunk);
    this.#limits.budget.usedBytes += chunk.length;
    this.#write();
  }

  /** The oldest bytes, at most `maxBytes`; undefined when none are at hand (`onReadable` follows if the file has some). */
  shift(maxBytes: number): Buffer | undefined {
    if (this.#memory.size === 0) this.#read();
    const chunk = this.#memory.shift(maxBytes);
    if (chunk === undefined) return undefined;
    this.#countMemory();
    if (this.#memory.size === 0) this.#read();
    this.#sayWritable();
    return chunk;
  }

  /** All bytes at once, when they are all in memory; undefined otherwise. */
  takeAllFromMemory(): Buffer | undefined {
    if (this.#fileBytes > 0 || this.#pending.size > 0) return undefined;
    const all = this.#memory.takeAll();
    this.#countMemory();
    return all;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#limits.budget.usedBytes -= this.#fileBytes + this.#pending.size;
    this.#memory.clear();
    this.#countMemory();
    this.#pending.clear();
    this.#readAt = this.#writtenTo = 0;
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#fd === undefined || this.#reading || this.#writing) return;
    closeFile(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    if (this.#opening) return;
    this.#opening = true;
    const path = join(this.#limits.directory, `tunicorn-spool-${process.pid}-${++serial}`);
    openFile(path, "wx+", 0o600, (error, fd) => {
      this.#opening = false;
      if (error !== null) {
        this.#breakDown(error);
        return;
      }
      unlink(path, () => {});
      this.#fd = fd;
      if (this.#destroyed) this.#closeWhenIdle();
      else this.#write();
    });
  }

  #write(): void {
    if (this.#writing || this.#destroyed || this.#brokenBy !== undefined) return;
    const first = this.#pending.peek();
    if (first === undefined) return;
    if (this.#fd === undefined) {
      this.#open();
      return;
    }
    const at = this.#writtenTo % this.#limits.fileBytes;
    const bytes = Math.min(first.length, this.#limits.fileBytes - this.#fileBytes, this.#limits.fileBytes - at);
    // The ring is full: the next read makes room.
    if (bytes === 0) return;
    this.#writing = true;
    write(this.#fd, first, 0, bytes, at, (error, written) => {
      this.#writing = false;
      if (this.#destroyed) {
        this.#closeWhenIdle();
        return;
      }
      if (error !== null) {
        this.#breakDown(error);
        return;
      }
      this.#writtenTo += written;
      this.#pending.shift(written);
      this.#write();
      if (this.#memory.size === 0) this.#read();
      this.#sayWritable();
      // Others have used up the budget while this one was writing.
      if (this.#saidFull && this.needsReader) this.#onReadable();
    });
  }

  #breakDown(error: NodeJS.ErrnoException): void {
    this.#brokenBy = error;
    this.#limits.onDiskError(error, this.#limits.directory);
    if (this.#destroyed) return;
    // Its reader waits for bytes that now will not come through the file: wake it, it finds them in memory.
    this.#onReadable();
  }

  /** Brings the file's oldest bytes into memory, or, when the file is empty and broken, what never reached it. */
  #read(): void {
    if (this.#reading || this.#destroyed) return;
    if (this.#bytesLost) return;
    if (this.#fileBytes === 0) {
      if (this.#brokenBy !== undefined) this.#leaveDisk();
      return;
    }
    this.#reading = true;
    const at = this.#readAt % this.#limits.fileBytes;
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.#fileBytes, this.#limits.fileBytes - at));
    read(this.#fd!, buffer, 0, buffer.length, at, (error, bytes) => {
      this.#reading = false;
      if (this.#destroyed) {
        this.#closeWhenIdle();
        return;
      }
      // The file is ours alone and was written: a failing disk is the only reason, and its bytes are gone.
      if (error !== null || bytes === 0) {
        this.#brokenBy = error ?? new Error("a spool file is shorter than what was written to it");
        this.#bytesLost = true;
        this.#limits.onDiskError(this.#brokenBy, this.#limits.directory);
      } else {
        this.#readAt += bytes;
        this.#limits.budget.usedBytes -= bytes;
        this.#memory.push(buffer.subarray(0, bytes));
        this.#countMemory();
        this.#write();
      }
      this.#onReadable();
      this.#sayWritable();
    });
  }

  /** Everything that reached the file has been read: its room goes back to the disk, the rest goes through memory. */
  #leaveDisk(): void {
    this.#closeWhenIdle();
    if (this.#pending.size === 0) return;
    this.#limits.budget.usedBytes -= this.#pending.size;
    this.#memory.push(this.#pending.takeAll());
    this.#countMemory();
  }

  /** Tells the shared budget what this spool holds in memory now. */
  #countMemory(): void {
    const held = this.#memory.size;
    this.#limits.memoryBudget.usedBytes += held - this.#memoryCounted;
    this.#memoryCounted = held;
  }

  #sayWritable(): void {
    if (!this.#saidFull || !this.#hasRoom()) return;
    this.#saidFull = false;
    this.#onWritable();
  }
}
