/**
 * Splits a line as a POSIX shell would, without expansions: `shlex.split` of Python, which reads GUNICORN_CMD_ARGS.
 *
 * @param line  `--bind=0.0.0.0:80 --name 'my app'`
 * @returns     `["--bind=0.0.0.0:80", "--name", "my app"]`
 * @throws {Error} `No closing quotation`, `No escaped character`
 */
export function splitShellWords(line: string): string[] {
  const words: string[] = [];
  /** Undefined between words; quotes alone make an empty word. */
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    const char = line.charAt(at);
    at += 1;
    if (char === " " || char === "\t" || char === "\r" || char === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(line, at, char);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      if (at === line.length) throw new Error("No escaped character");
      word = (word ?? "") + line.charAt(at);
      at += 1;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Reads from behind an opening quote to behind the closing one. In double quotes a backslash escapes `"` and itself only. */
function readQuoted(line: string, start: number, quote: string): { text: string; end: number } {
  let text = "";
  let at = start;
  while (at < line.length) {
    const char = line.charAt(at);
    at += 1;
    if (char === quote) return { text, end: at };
    if (char === "\\" && quote === '"') {
      if (at === line.length) throw new Error("No escaped character");
      const escaped = line.charAt(at);
      text += escaped === '"' || escaped === "\\" ? escaped : char + escaped;
      at += 1;
    } else {
      text += char;
    }
  }
  throw new Error("No closing quotation");
}
