/**
 * Header blocks into fields (RFC 7541 §6). First byte of each representation:
 *
 *     1xxxxxxx   indexed field
 *     01xxxxxx   literal, added to the dynamic table
 *     001xxxxx   new size of the dynamic table; only at the block's start
 *     0001xxxx   literal, never to be indexed
 *     0000xxxx   literal, not indexed
 */

import { BlockReader, HpackError } from "./block-reader.ts";
import { DynamicTable, TABLE_BYTES_MAX } from "./dynamic-table.ts";
import { HpackField } from "./field.ts";
import { fieldName } from "./field-name.ts";
import { DYNAMIC_INDEX_START, STATIC_TABLE } from "./static-table.ts";

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;

const STATIC_FIELDS: readonly HpackField[] = STATIC_TABLE.map(([name, value]) => new HpackField(fieldName(name), value));

export class HpackDecoder {
  readonly #table = new DynamicTable<HpackField>();
  readonly #listBytesMax: number;

  /** @param listBytesMax  Of one block, counted as SETTINGS_MAX_HEADER_LIST_SIZE is (RFC 9113 §6.5.2). */
  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /**
   * Decodes one whole block. A block whose fields are too many is decoded to its end, because the table must follow, but what is
   * beyond the limit is not kept: a byte that names an entry of 4 KiB must not cost 4 KiB.
   *
   * @param into  The fields are added here.
   * @returns     false when the fields are larger than the limit.
   * @throws {HpackError} The connection is lost with it: the table is not known any more.
   */
  decode(bytes: Buffer, at: number, end: number, into: HpackField[]): boolean {
    const reader = new BlockReader(bytes, at, end);
    let listBytes = 0;
    this.#readSizeUpdates(reader);
    while (reader.at < end) {
      const field = this.#readField(reader);
      listBytes += field.tableBytes;
      if (listBytes <= this.#listBytesMax) into.push(field);
    }
    return listBytes <= this.#listBytesMax;
  }

  #readSizeUpdates(reader: BlockReader): void {
    while (reader.at < reader.end && isSizeUpdate(reader.bytes[reader.at]!)) {
      const tableBytes = reader.integer(5);
      if (tableBytes > TABLE_BYTES_MAX) throw new HpackError(`dynamic table of ${tableBytes} bytes, ${TABLE_BYTES_MAX} are allowed`);
      this.#table.resize(tableBytes);
    }
  }

  #readField(reader: BlockReader): HpackField {
    const first = reader.bytes[reader.at]!;
    if (first >= INDEXED) return this.#entry(reader.integer(7));
    if (isSizeUpdate(first)) throw new HpackError("size of the dynamic table changed within a header block");
    const isIncremental = first >= INCREMENTAL;
    const nameIndex = reader.integer(isIncremental ? 6 : 4);
    const name = nameIndex === 0 ? fieldName(reader.string()) : this.#entry(nameIndex).name;
    const field = new HpackField(name, reader.string());
    if (isIncremental) this.#table.add(field);
    return field;
  }

  #entry(index: number): HpackField {
    const field = index < DYNAMIC_INDEX_START ? STATIC_FIELDS[index - 1] : this.#table.newest(index - DYNAMIC_INDEX_START);
    if (field === undefined) throw new HpackError(`index ${index} is in neither table`);
    return field;
  }
}

function isSizeUpdate(first: number): boolean {
  return first < INCREMENTAL && first >= SIZE_UPDATE;
}
