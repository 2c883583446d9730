/** The layout of `--help`, which is argparse's. */

export interface HelpEntry {
  /** `-w INT, --workers INT` */
  readonly header: string;
  readonly text: string;
}

const INDENT = 2;
const HELP_COLUMN_MAX = 24;
/** Narrower than this, texts run over the edge rather than become columns of letters. */
const TEXT_WIDTH_MIN = 11;

/** Writes the whole help text, ending with a line feed. */
export function formatHelp(usage: string, entries: readonly HelpEntry[], columns: number): string {
  const width = columns - 2;
  const longestHeader = Math.max(...entries.map(({ header }) => header.length));
  const helpColumn = Math.min(longestHeader + 2 * INDENT, HELP_COLUMN_MAX, Math.max(width - 20, 2 * INDENT));
  const textWidth = Math.max(width - helpColumn, TEXT_WIDTH_MIN);
  const lines = [usage, "", "options:"];
  for (const { header, text } of entries) {
    const [first = "", ...rest] = wrap(text, textWidth);
    const start = " ".repeat(INDENT) + header;
    if (start.length <= helpColumn - 2) lines.push(start.padEnd(helpColumn) + first);
    else lines.push(start, " ".repeat(helpColumn) + first);
    lines.push(...rest.map((line) => " ".repeat(helpColumn) + line));
  }
  return `${lines.join("\n")}\n`;
}

/** Where a line may break: at spaces, behind a hyphen between letters, around dashes (textwrap.TextWrapper.wordsep_re). */
const BREAK =
  /( +|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^ ]+?(?:-(?:(?<=[\p{L}_]{2}-)|(?<=[\p{L}_]-[\p{L}_]-))(?=[\p{L}_]-?[\p{L}_])|(?= |$)|(?<=[\w!"'&.,?])(?=-{2,}\w)))/u;

/** `textwrap.wrap(text, width)` of a text whose white space counts as single spaces. */
export function wrap(text: string, width: number): string[] {
  const chunks = text
    .replace(/\s+/g, " ")
    .trim()
    .split(BREAK)
    .filter((chunk) => chunk !== "")
    .reverse();
  const lines: string[] = [];
  while (chunks.length > 0) {
    if (chunks.at(-1) === " " && lines.length > 0) chunks.pop();
    let line = "";
    while (chunks.length > 0 && line.length + (chunks.at(-1) ?? "").length <= width) line += chunks.pop();
    const next = chunks.at(-1);
    if (next !== undefined && next.length > width) {
      const end = breakLongWord(next, width - line.length);
      line += next.slice(0, end);
      chunks[chunks.length - 1] = next.slice(end);
    }
    lines.push(line.replace(/ $/, ""));
  }
  return lines.filter((line) => line !== "");
}

/** Where to cut a word that is longer than a line: behind its last hyphen that fits, else where the line is full. */
function breakLongWord(word: string, room: number): number {
  const hyphen = room > 0 ? word.lastIndexOf("-", room - 1) : -1;
  return hyphen > 0 && /[^-]/.test(word.slice(0, hyphen)) ? hyphen + 1 : room;
}
