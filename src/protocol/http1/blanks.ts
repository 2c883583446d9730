/**
 * Optional whitespace (RFC 9110 §5.6.3):
 *
 *     OWS = *( SP / HTAB )
 *
 * and nothing else: `String.trim` also takes VT, FF and NBSP, behind which a framing header could hide from a stricter proxy.
 */

const SPACE = 0x20;
const TAB = 0x09;

/** Removes SP and HTAB at both ends of `text`, or of a part of it. */
export function trimBlanks(text: string, start = 0, end = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** Removes SP and HTAB at the end only. Not by a regular expression: `[ \t]+$` is quadratic in blanks that something follows. */
export function trimBlanksEnd(text: string): string {
  let to = text.length;
  while (to > 0 && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(0, to);
}

/** Whether a character code is SP or HTAB; false for NaN, what `charCodeAt` gives behind the end. */
export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
