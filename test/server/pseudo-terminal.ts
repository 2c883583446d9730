/** A program in a terminal, and what stands on its screen. Sequences that not every terminal knows fail the test. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./deadline.ts";
import { type Scope, VENV } from "./harness.ts";

const PROGRAM = fileURLToPath(new URL("pseudo_terminal.py", import.meta.url));

interface Report {
  readonly code?: number;
  readonly stopped?: boolean;
  /** The terminal's modes are those of the beginning. */
  readonly restored: boolean;
}

/** The cells of a terminal: ECMA-48's few sequences that programs of ours use. */
class Cells {
  onOtherScreen = false;
  cursorShown = true;
  /** Every SGR code that was set. */
  readonly codes = new Set<number>();
  columns: number;
  rows: number;
  #normal: string[] = [""];
  #other: string[] = [];
  #row = 0;
  #column = 0;
  #rest = "";

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** The screen that is shown, without the blanks at the ends of lines. */
  get lines(): string[] {
    return (this.onOtherScreen ? this.#other : this.#normal).map((line) => line.trimEnd());
  }

  feed(text: string): void {
    const all = this.#rest + text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const token = /\x1b\[(\??)([\d;]*)([A-Za-z])|\r|\n|\x1b(?:\[\??[\d;]*)?$|[^\x1b\r\n]+|\x1b/gy;
    this.#rest = "";
    for (const [whole, mark = "", numbers = "", kind] of all.matchAll(token)) {
      if (kind !== undefined) this.#obey(`${mark}${kind}`, numbers);
      else if (whole === "\r") this.#column = 0;
      else if (whole === "\n") this.#row += 1;
      else if (whole.startsWith("\x1b")) this.#rest = whole;
      else this.#write(whole);
    }
  }

  #obey(kind: string, numbers: string): void {
    const [first = 0, second = 0] = numbers.split(";").map(Number);
    const lines = this.onOtherScreen ? this.#other : this.#normal;
    switch (`${kind}${kind.startsWith("?") ? numbers : ""}`) {
      case "?h1049":
        this.onOtherScreen = true;
        this.#other = [];
        break;
      case "?l1049":
        this.onOtherScreen = false;
        break;
      case "?h25":
        this.cursorShown = true;
        break;
      case "?l25":
        this.cursorShown = false;
        break;
      case "H":
        [this.#row, this.#column] = [first - 1, second - 1];
        break;
      case "K":
        assert.equal(first, 2);
        lines[this.#row] = "";
        break;
      case "J":
        assert.equal(numbers, "");
        lines.length = Math.min(lines.length, this.#row + 1);
        break;
      case "m":
        for (const code of numbers.split(";")) this.codes.add(Number(code));
        break;
      default:
        assert.fail(`a sequence that not every terminal knows: ${JSON.stringify(kind)} ${numbers}`);
    }
  }

  #write(text: string): void {
    if (!this.onOtherScreen) this.#row = this.#normal.length - 1;
    const lines = this.onOtherScreen ? this.#other : this.#normal;
    while (lines.length <= this.#row) lines.push("");
    if (this.onOtherScreen)
      assert.ok(this.#row < this.rows && this.#column + text.length <= Math.max(this.columns, 80), `beyond the edge: ${text}`);
    assert.match(text, /^[ -~]*$/);
    const before = (lines[this.#row] ?? "").padEnd(this.#column);
    lines[this.#row] = before.slice(0, this.#column) + text + before.slice(this.#column + text.length);
    this.#column += text.length;
    if (!this.onOtherScreen) lines.push("");
  }
}

export class PseudoTerminal {
  readonly cells: Cells;
  readonly #child: ChildProcess;
  readonly #reports: Report[] = [];
  #complaints = "";

  constructor(t: Scope, command: readonly string[], env: Readonly<Record<string, string>> = {}, columns = 80, rows = 24) {
    this.cells = new Cells(columns, rows);
    const child = spawn(join(VENV, "bin/python"), [PROGRAM, `${columns}`, `${rows}`, ...command], {
      env: { PATH: process.env.PATH, TERM: "xterm", LANG: "C.UTF-8", ...env },
    });
    this.#child = child;
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.cells.feed(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints += text;
      const [rest = "", ...lines] = this.#complaints.split("\n").reverse();
      this.#complaints = rest;
      for (const line of lines.reverse()) this.#reports.push(JSON.parse(line));
    });
    t.after(() => void child.stdin?.end());
  }

  press(keys: string): void {
    this.#say({ keys });
  }

  resize(columns: number, rows: number): void {
    [this.cells.columns, this.cells.rows] = [columns, rows];
    this.#say({ size: [columns, rows] });
  }

  signal(name: string): void {
    this.#say({ signal: name });
  }

  #say(order: object): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Waits until a line of the screen matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    return await waitUntil(
      `waiting for ${pattern}`,
      () => this.cells.lines.map((line) => pattern.exec(line)).find(Boolean) ?? undefined,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; the screen:\n${this.cells.lines.join("\n")}\n${this.#complaints}`, { cause: error });
    });
  }

  /** Waits for its next stop, or its end. */
  async report(): Promise<Report> {
    return await waitUntil("waiting for the program to stop or end", () => this.#reports.shift());
  }
}
