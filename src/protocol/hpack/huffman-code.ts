/**
 * The Huffman code of HPACK (RFC 7541, Appendix B). It is canonical: symbols of one length are numbered up in order, and each
 * length goes on where the one before it ended. So the 257 lengths are the whole table.
 */

/** Stands for the end of a string; it never comes in one. */
export const EOS = 256;

/** Length in bits of each symbol's code, one character in base 36 (`d` = 13), from byte 0 to 255, then EOS. */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu";

export interface HuffmanCode {
  readonly symbol: number;
  /** The code's bits as a number. */
  readonly code: number;
  readonly bits: number;
}

/** All codes, shortest first. */
export const HUFFMAN_CODES: readonly HuffmanCode[] = canonicalCodes();

function canonicalCodes(): HuffmanCode[] {
  const lengths = [...LENGTHS].map((digit) => Number.parseInt(digit, 36));
  const order = lengths.map((bits, symbol) => ({ symbol, bits })).sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  let code = 0;
  let bitsBefore = order[0]?.bits ?? 0;
  return order.map(({ symbol, bits }) => {
    // Not shifted: the longest codes have 30 bits, and one past them must still be a positive number.
    code *= 2 ** (bits - bitsBefore);
    bitsBefore = bits;
    return { symbol, code: code++, bits };
  });
}
