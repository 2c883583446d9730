/**
 * A field of a response with its bytes as a header block has them, made once and written by every connection.
 *
 * No Huffman code: it saves a client some bytes and costs us time for each of them.
 */

import { ENTRY_OVERHEAD_BYTES, type TableEntry } from "./dynamic-table.ts";
import { STATIC_NAME_INDEX } from "./static-table.ts";

/** Differ from response to response: in the dynamic table they would push out what comes again. */
const NOT_WORTH_INDEXING: ReadonlySet<string> = new Set([
  "age",
  "content-length",
  "content-range",
  "etag",
  "last-modified",
  "location",
  "x-request-id",
]);
/** Secrets: no proxy behind us may put them into a table of its own either, where an attacker could guess at them (RFC 7541 §7.1). */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);
/** Larger fields would push too much else out of a table of 4096 bytes. */
const INDEXED_BYTES_MAX = 512;

/** Fields that a connection can find again by their number; later ones take the place of earlier ones, which are then sent in full once. */
export const SLOT_COUNT = 512;
export const NO_SLOT = -1;

const LITERAL_INCREMENTAL = 0x40;
const LITERAL_NEVER_INDEXED = 0x10;
const LITERAL_NOT_INDEXED = 0x00;

export interface EncodedField extends TableEntry {
  readonly name: string;
  readonly value: string;
  /** The literal representation: what is sent when the client's table does not hold the field. */
  readonly literal: Uint8Array;
  /** Where an encoder notes that its table holds this field; `NO_SLOT` for fields that never enter it. */
  readonly slot: number;
}

let slotsGiven = 0;

/**
 * @param name   Lower case: `"content-type"`.
 * @param value  Latin-1.
 */
export function encodeField(name: string, value: string): EncodedField {
  const tableBytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
  const isSensitive = SENSITIVE.has(name);
  const isIndexed = !isSensitive && !NOT_WORTH_INDEXING.has(name) && tableBytes <= INDEXED_BYTES_MAX;
  const bytes: number[] = [];
  const nameIndex = STATIC_NAME_INDEX.get(name) ?? 0;
  if (isIndexed) pushInteger(bytes, nameIndex, 6, LITERAL_INCREMENTAL);
  else pushInteger(bytes, nameIndex, 4, isSensitive ? LITERAL_NEVER_INDEXED : LITERAL_NOT_INDEXED);
  if (nameIndex === 0) pushString(bytes, name);
  pushString(bytes, value);
  return { name, value, literal: Uint8Array.from(bytes), slot: isIndexed ? slotsGiven++ % SLOT_COUNT : NO_SLOT, tableBytes };
}

/** Adds an integer (RFC 7541 §5.1). @param flags  The bits above the prefix. */
export function pushInteger(bytes: number[], value: number, prefixBits: number, flags: number): void {
  const prefixMax = (1 << prefixBits) - 1;
  if (value < prefixMax) {
    bytes.push(flags | value);
    return;
  }
  bytes.push(flags | prefixMax);
  let rest = value - prefixMax;
  while (rest >= 128) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
}

function pushString(bytes: number[], text: string): void {
  pushInteger(bytes, text.length, 7, 0);
  for (let i = 0; i < text.length; i += 1) bytes.push(text.charCodeAt(i) & 255);
}
