/**
 * Two methods of Node's Buffer that its type declarations leave out: encoding-specific, without the look-up of an
 * encoding's name, and on exact ranges (a `slice` of a longer string would keep the longer one alive).
 */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
