/**
 * Makes a text one string of its own in memory: a slice keeps the whole text that it was cut from, and what was put together keeps its
 * pieces, until somebody reads it as a whole.
 *
 * @param text  latin-1: every character below U+0100.
 */
export function ownText(text: string): string {
  return Buffer.from(text, "latin1").latin1Slice();
}
