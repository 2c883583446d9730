/**
 * The two primitive types of HPACK (RFC 7541 §5), read from a header block:
 *
 *     integer = prefix bits [ 1xxxxxxx ... 0xxxxxxx ]      ; little-endian groups of seven bits
 *     string  = H(1) length(7+) octets                     ; H: the octets are a Huffman code
 */

import { decodedBytesMax, decodeHuffman } from "./huffman.ts";

/** The block cannot be decoded: a connection error of type COMPRESSION_ERROR (RFC 9113 §4.3). */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HpackError";
  }
}

/** Groups of an integer after its prefix: four hold 2^28, more than any block's length or table's size. */
const INTEGER_GROUPS_MAX = 4;
/** Strings of usual blocks; a larger one makes this larger for good, up to what the limit on blocks allows. */
const SCRATCH_BYTES_MIN = 16384;

let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES_MIN);

export class BlockReader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /**
   * Reads an integer whose first byte is known to be there.
   *
   * @param prefixBits  How many low bits of the first byte are its: 4 to 7.
   * @throws {HpackError} When it is cut, or longer than any that makes sense.
   */
  integer(prefixBits: number): number {
    const prefixMax = (1 << prefixBits) - 1;
    let value = this.bytes[this.at++]! & prefixMax;
    if (value < prefixMax) return value;
    for (let group = 0; group < INTEGER_GROUPS_MAX; group += 1) {
      if (this.at >= this.end) throw new HpackError("header block ends within an integer");
      const byte = this.bytes[this.at++]!;
      value += (byte & 127) * 2 ** (7 * group);
      if (byte < 128) return value;
    }
    throw new HpackError("integer in a header block is too large");
  }

  /**
   * @returns Latin-1: one character for each byte.
   * @throws {HpackError} When it is cut, or no Huffman code.
   */
  string(): string {
    if (this.at >= this.end) throw new HpackError("header block ends before a string");
    const isHuffman = this.bytes[this.at]! >= 128;
    const start = this.at;
    const length = this.integer(7);
    const from = this.at;
    const to = from + length;
    if (to > this.end) throw new HpackError(`string at ${start} of a header block is longer than the block`);
    this.at = to;
    if (!isHuffman) return this.bytes.latin1Slice(from, to);
    if (decodedBytesMax(length) > scratch.length) scratch = Buffer.allocUnsafeSlow(decodedBytesMax(length));
    const decoded = decodeHuffman(this.bytes, from, to, scratch);
    if (decoded < 0) throw new HpackError("string in a header block is no Huffman code");
    return scratch.latin1Slice(0, decoded);
  }
}
