/**
 * Fields of responses into header blocks (RFC 7541 §6). What the client's dynamic table holds is sent as its index: for most
 * fields of a warm connection that is one byte, found by one look-up and one comparison.
 */

import { DynamicTable, TABLE_BYTES_MAX } from "./dynamic-table.ts";
import { type EncodedField, NO_SLOT, pushInteger, SLOT_COUNT } from "./encoded-field.ts";
import { DYNAMIC_INDEX_START } from "./static-table.ts";

/** Before the fields of a block: two size updates of up to three bytes, and `:status`. */
const BLOCK_START_BYTES_MAX = 11;
/** Index of `:status: 200` and of the others in the static table. */
const STATUS_INDEX: ReadonlyMap<number, number> = new Map([
  [200, 8],
  [204, 9],
  [206, 10],
  [304, 11],
  [400, 12],
  [404, 13],
  [500, 14],
]);
const INDEXED = 0x80;
const INDEX_PREFIX_MAX = 127;
const SIZE_UPDATE = 0x20;
const DIGIT_ZERO = 0x30;

export class HpackEncoder {
  readonly #table = new DynamicTable<EncodedField>();
  /** The table's number of the field that used a slot last; -1 for none. */
  readonly #numbers = new Int32Array(SLOT_COUNT).fill(-1);
  /** The smallest size of the table since the last block, when it has changed: the next block begins with it. */
  #smallest: number | undefined;

  /** The client's SETTINGS_HEADER_TABLE_SIZE. Larger tables than the usual one are not used. */
  setTableSize(bytes: number): void {
    const capacity = Math.min(bytes, TABLE_BYTES_MAX);
    if (capacity === this.#table.capacity) return;
    this.#smallest = Math.min(this.#smallest ?? capacity, capacity);
    this.#table.resize(capacity);
  }

  /** An upper bound of a block's length: what `write` needs room for. */
  static blockBytesMax(fields: readonly EncodedField[]): number {
    let bytes = BLOCK_START_BYTES_MAX;
    for (let i = 0; i < fields.length; i += 1) bytes += fields[i]!.literal.length;
    return bytes;
  }

  /**
   * Writes one block.
   *
   * @param status  Undefined for trailers.
   * @returns       The offset behind it.
   */
  write(into: Buffer, at: number, status: number | undefined, fields: readonly EncodedField[]): number {
    let next = this.#smallest === undefined ? at : this.#writeSizeUpdates(into, at, this.#smallest);
    if (status !== undefined) next = writeStatus(into, next, status);
    for (let i = 0; i < fields.length; i += 1) next = this.#writeField(into, next, fields[i]!);
    return next;
  }

  #writeField(into: Buffer, at: number, field: EncodedField): number {
    const { slot, literal } = field;
    let next = at;
    if (slot !== NO_SLOT) {
      const number = this.#numbers[slot]!;
      if (this.#table.numbered(number) === field) return writeIndex(into, at, this.#table.inserted - 1 - number + DYNAMIC_INDEX_START);
      this.#numbers[slot] = this.#table.add(field) ? this.#table.inserted - 1 : -1;
    }
    for (let i = 0; i < literal.length; i += 1) into[next++] = literal[i]!;
    return next;
  }

  /** RFC 7541 §4.2: the smallest size since the last block, then the one that counts. */
  #writeSizeUpdates(into: Buffer, at: number, smallest: number): number {
    this.#smallest = undefined;
    const bytes: number[] = [];
    const { capacity } = this.#table;
    if (smallest < capacity) pushInteger(bytes, smallest, 5, SIZE_UPDATE);
    pushInteger(bytes, capacity, 5, SIZE_UPDATE);
    into.set(bytes, at);
    return at + bytes.length;
  }
}

/** @param index  At most 189: 61 static entries and 128 dynamic ones, so that one more byte is always enough. */
function writeIndex(into: Buffer, at: number, index: number): number {
  if (index < INDEX_PREFIX_MAX) {
    into[at] = INDEXED | index;
    return at + 1;
  }
  into[at] = INDEXED | INDEX_PREFIX_MAX;
  into[at + 1] = index - INDEX_PREFIX_MAX;
  return at + 2;
}

function writeStatus(into: Buffer, at: number, status: number): number {
  const index = STATUS_INDEX.get(status);
  if (index !== undefined) {
    into[at] = INDEXED | index;
    return at + 1;
  }
  // Literal, not indexed, with the name of entry 8: others are too rare to push something out for.
  into[at] = 8;
  into[at + 1] = 3;
  into[at + 2] = DIGIT_ZERO + Math.floor(status / 100);
  into[at + 3] = DIGIT_ZERO + (Math.floor(status / 10) % 10);
  into[at + 4] = DIGIT_ZERO + (status % 10);
  return at + 5;
}
