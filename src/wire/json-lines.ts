/** JSON lines: one message a line, both ways, on the arbiter's channel to the gateway. */

/** A line longer than this is a fault, not a message. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

export function encodeLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts received text into messages. */
export class LineReader {
  readonly #onMessage: (message: unknown) => void;
  #rest = "";

  constructor(onMessage: (message: unknown) => void) {
    this.#onMessage = onMessage;
  }

  /** @throws {SyntaxError} when a line is not JSON, or longer than `LINE_BYTES_MAX`. */
  feed(text: string): void {
    // What was kept holds no line end: only the new text is searched, however many pieces a long line comes in.
    let end = text.indexOf("\n");
    let start = 0;
    while (end >= 0) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = "";
      start = end + 1;
      this.#onMessage(JSON.parse(line));
      end = text.indexOf("\n", start);
    }
    this.#rest += text.slice(start);
    if (this.#rest.length > LINE_BYTES_MAX) throw new SyntaxError(`control line longer than ${LINE_BYTES_MAX} bytes`);
  }
}
