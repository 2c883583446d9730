/** Lines as the bytes that put them on a terminal. The few sequences used are those of ECMA-48 that every terminal knows, over ssh and in tmux. */

import type { LineStyle, ScreenLine } from "./top-screen.ts";
import type { ScreenSize } from "./top-state.ts";

const ESC = "\x1b[";
/** The screen of full-screen programs, so that what stood there comes back; no cursor. */
export const ENTER_SCREEN = `${ESC}?1049h${ESC}?25l`;
export const LEAVE_SCREEN = `${ESC}0m${ESC}?25h${ESC}?1049l`;

const BOLD = "1";
const FAINT = "2";
const REVERSE = "7";
const RED = "31";
const YELLOW = "33";

/** Bold and reverse are no colours: without them nobody would see what is selected. */
const STYLES: Readonly<Record<LineStyle, { readonly coloured: string; readonly plain: string }>> = {
  plain: { coloured: "", plain: "" },
  title: { coloured: BOLD, plain: BOLD },
  head: { coloured: REVERSE, plain: REVERSE },
  selected: { coloured: `${BOLD};${REVERSE}`, plain: `${BOLD};${REVERSE}` },
  notice: { coloured: YELLOW, plain: "" },
  alarm: { coloured: `${BOLD};${RED}`, plain: BOLD },
  faint: { coloured: FAINT, plain: "" },
};

/** @param inColour  False with NO_COLOR. @returns one whole screen. */
export function paint(lines: readonly ScreenLine[], { columns, rows }: ScreenSize, inColour: boolean): string {
  const drawn = lines.slice(0, rows).map(({ text, style }, row) => {
    const codes = STYLES[style][inColour ? "coloured" : "plain"];
    const isBar = style === "head" || style === "selected";
    const shown = isBar ? text.padEnd(columns) : text;
    // Erased before it is written: behind a full line the cursor may still stand on its last column.
    return `${ESC}${row + 1};1H${ESC}2K${codes === "" ? shown : `${ESC}${codes}m${shown}${ESC}0m`}`;
  });
  return `${ESC}0m${drawn.join("")}${ESC}J`;
}
