/**
 * Shows what is not printable ASCII by its number: a client chooses the path of its request, and a terminal would take some characters for
 * commands, and others for two columns or none.
 *
 * @returns `"/a\\x1b[2J"` for a path with an escape character in it.
 */
export function asciiOnly(text: string): string {
  return text.replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}
