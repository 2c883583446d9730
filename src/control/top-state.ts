/** The mind of `tunicorn top`: what each key, each look at the server and each answer changes. Pure; the hands are client/top.ts. */

import { asciiOnly } from "./ascii-only.ts";
import type { AnswerData } from "./format.ts";
import type { Top } from "./our-answers.ts";
import { type Rates, ratesBetween, type Sample } from "./top-rates.ts";

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export type Pane =
  | { readonly at: "overview" }
  /** A question that y answers with a command. */
  | { readonly at: "question"; readonly text: string; readonly command: string }
  /** A text to scroll in. @property lines  As wide as the screen. @property first  The first of them on it. */
  | { readonly at: "text"; readonly title: string; readonly text: string; readonly lines: readonly string[]; readonly first: number };

export interface Note {
  readonly text: string;
  readonly alarm: boolean;
}

export interface TopState {
  size: ScreenSize;
  sample: Sample | undefined;
  rates: Rates | undefined;
  pane: Pane;
  /** Pid of the worker that the next key means. */
  selected: number | undefined;
  note: Note | undefined;
  /** Commands that are not answered yet. */
  asked: readonly string[];
  /** Why there is no news; undefined: there is. */
  lost: string | undefined;
}

export type TopEvent =
  | { readonly type: "looked"; readonly sample: Sample }
  | { readonly type: "lost"; readonly text: string }
  | { readonly type: "answered"; readonly command: string; readonly data: AnswerData }
  | { readonly type: "refused"; readonly command: string; readonly text: string }
  | { readonly type: "resized"; readonly size: ScreenSize }
  /** `"q"`, `"R"`, `"up"`, `"pagedown"`, `"ctrl-c"`; see keyName. */
  | { readonly type: "key"; readonly key: string };

/** @property do  `look`: at once instead of when it is time. `redraw`: whatever stands on the screen. */
export type TopOrder = { readonly do: "ask"; readonly command: string } | { readonly do: "leave" | "suspend" | "look" | "redraw" };

/** Lines of the text pane that are not the text's: its title and the keys. */
const TEXT_FRAME_ROWS = 2;

export const KEYS_OF_OVERVIEW = "q quit  up/down worker  s stacks  r recycle  R reload  e exits  ? help";
export const KEYS_OF_TEXT = "q back  up/down pgup/pgdn home/end scroll";

export const HELP = [
  "up, down, j, k   choose a worker",
  "s                show where its threads, tasks and greenlets are; it is not disturbed",
  "r                recycle it: another one is ready before it leaves",
  "R                reload the server, as HUP does",
  "e                the last workers that ended, and why",
  "space            look at the server now",
  "Ctrl-L           draw the screen anew",
  "Ctrl-Z           suspend",
  "q, Ctrl-C        quit; the server goes on",
  "",
  "REQUESTS         answers so far; REQ/S since the last look",
  "SILENT           what `timeout` measures: seconds without a sign of life",
  "RSS, PSS         memory; in PSS shared pages count by their share",
  "the requests     the oldest first; AGE counts from their arrival",
];

export function createTopState(size: ScreenSize): TopState {
  return {
    size,
    sample: undefined,
    rates: undefined,
    pane: { at: "overview" },
    selected: undefined,
    note: undefined,
    asked: [],
    lost: undefined,
  };
}

/** Decides about one event. Updates `state`, touches nothing else. */
export function stepTop(state: TopState, event: TopEvent): TopOrder[] {
  switch (event.type) {
    case "looked":
      looked(state, event.sample);
      return [];
    case "lost":
      state.lost = event.text;
      state.rates = undefined;
      return [];
    case "answered":
      answered(state, event.command, event.data);
      return [{ do: "look" }];
    case "refused":
      refused(state, event.command, event.text);
      return [];
    case "resized":
      state.size = event.size;
      if (state.pane.at === "text") show(state, state.pane.title, state.pane.text, state.pane.first);
      return [{ do: "redraw" }];
    case "key":
      return onKey(state, event.key);
  }
}

function looked(state: TopState, sample: Sample): void {
  const rates = ratesBetween(state.sample, sample);
  // Counts come in batches: a look without any shows what the last one did.
  state.rates = rates && { ...rates, latencies: rates.latencies ?? state.rates?.latencies };
  state.sample = sample;
  state.lost = undefined;
  const { workers } = sample.top;
  if (!workers.some(({ pid }) => pid === state.selected)) state.selected = workers[0]?.pid;
}

function answered(state: TopState, command: string, data: AnswerData): void {
  forget(state, command);
  const [word, pid] = command.split(" ");
  if (word === "stacks") show(state, `stacks of worker ${pid}`, String(data.stacks ?? ""));
  else if (word === "reload") state.note = { text: `reloaded: generation ${data.generation} after ${data.seconds} s`, alarm: false };
  else state.note = { text: `worker ${pid} is being replaced`, alarm: false };
}

/** A traceback is for reading; one line is a note. */
function refused(state: TopState, command: string, text: string): void {
  forget(state, command);
  const [first = "", ...rest] = text.trim().split("\n");
  state.note = { text: `${command}: ${first}`, alarm: true };
  if (rest.length > 0) show(state, `${command} has failed`, text);
}

function forget(state: TopState, command: string): void {
  const at = state.asked.indexOf(command);
  state.asked = state.asked.filter((_, index) => index !== at);
}

function show(state: TopState, title: string, text: string, first = 0): void {
  const width = Math.max(1, state.size.columns);
  const lines = text
    .trimEnd()
    .split("\n")
    .flatMap((line) => pieces(asciiOnly(line), width));
  state.pane = { at: "text", title, text, lines, first };
  scrollTo(state, first);
}

function pieces(line: string, width: number): string[] {
  const count = Math.max(1, Math.ceil(line.length / width));
  return Array.from({ length: count }, (_, index) => line.slice(index * width, (index + 1) * width));
}

function onKey(state: TopState, key: string): TopOrder[] {
  if (key === "ctrl-c") return [{ do: "leave" }];
  if (key === "ctrl-z") return [{ do: "suspend" }];
  if (key === "ctrl-l") return [{ do: "redraw" }];
  switch (state.pane.at) {
    case "overview":
      return onKeyInOverview(state, key);
    case "question":
      return onKeyInQuestion(state, key, state.pane.command);
    case "text":
      return onKeyInText(state, key);
  }
}

function onKeyInOverview(state: TopState, key: string): TopOrder[] {
  state.note = undefined;
  const { selected } = state;
  switch (key) {
    case "q":
      return [{ do: "leave" }];
    case "up":
    case "k":
      select(state, -1);
      return [];
    case "down":
    case "j":
      select(state, 1);
      return [];
    case "home":
      select(state, Number.NEGATIVE_INFINITY);
      return [];
    case "end":
      select(state, Number.POSITIVE_INFINITY);
      return [];
    case "s":
    case "enter":
      return selected === undefined ? noWorker(state) : ask(state, `stacks ${selected}`);
    case "r":
      if (selected === undefined) return noWorker(state);
      state.pane = { at: "question", text: `recycle worker ${selected}?`, command: `recycle ${selected}` };
      return [];
    case "R":
      state.pane = { at: "question", text: "reload the server?", command: "reload --wait" };
      return [];
    case "e":
      show(state, "workers that ended, the newest first", exitLines(state.sample?.top).join("\n"));
      return [];
    case "?":
    case "h":
      show(state, "keys and columns", HELP.join("\n"));
      return [];
    case "space":
      return [{ do: "look" }];
    default:
      return [];
  }
}

function onKeyInQuestion(state: TopState, key: string, command: string): TopOrder[] {
  state.pane = { at: "overview" };
  return key === "y" || key === "Y" ? ask(state, command) : [];
}

function onKeyInText(state: TopState, key: string): TopOrder[] {
  const page = Math.max(1, textRows(state) - 1);
  const first = firstLine(state);
  switch (key) {
    case "q":
    case "escape":
    case "enter":
      state.pane = { at: "overview" };
      break;
    case "up":
    case "k":
      scrollTo(state, first - 1);
      break;
    case "down":
    case "j":
      scrollTo(state, first + 1);
      break;
    case "pageup":
    case "b":
      scrollTo(state, first - page);
      break;
    case "pagedown":
    case "space":
      scrollTo(state, first + page);
      break;
    case "home":
    case "g":
      scrollTo(state, 0);
      break;
    case "end":
    case "G":
      scrollTo(state, Number.POSITIVE_INFINITY);
      break;
  }
  return [];
}

function ask(state: TopState, command: string): TopOrder[] {
  // A key that is held down is one wish.
  if (state.asked.includes(command)) return [];
  state.asked = [...state.asked, command];
  return [{ do: "ask", command }];
}

function noWorker(state: TopState): TopOrder[] {
  state.note = { text: "there is no worker", alarm: true };
  return [];
}

function select(state: TopState, by: number): void {
  const workers = state.sample?.top.workers ?? [];
  const at = workers.findIndex(({ pid }) => pid === state.selected);
  state.selected = workers[Math.min(Math.max(at + by, 0), workers.length - 1)]?.pid;
}

function textRows({ size }: TopState): number {
  return Math.max(1, size.rows - TEXT_FRAME_ROWS);
}

function firstLine({ pane }: TopState): number {
  return pane.at === "text" ? pane.first : 0;
}

function scrollTo(state: TopState, line: number): void {
  const { pane } = state;
  if (pane.at !== "text") return;
  const last = Math.max(0, pane.lines.length - textRows(state));
  state.pane = { ...pane, first: Math.min(Math.max(line, 0), last) };
}

function exitLines(top: Top | undefined): string[] {
  if (top === undefined || top.exits.length === 0) return ["none has ended"];
  return top.exits.flatMap(({ seconds_ago: ago, pid, generation, reason, status, detail }) => [
    `${ago}s ago  worker ${pid}  generation ${generation}  ${reason}  ${status}`,
    ...(detail === null ? [] : [`    ${detail}`]),
  ]);
}

/** @param key  As Node's readline tells it. @returns a name that stepTop knows: `"q"`, `"R"`, `"up"`, `"ctrl-c"`, `"space"`. */
export function keyName(
  text: string | undefined,
  key: { readonly name?: string | undefined; readonly ctrl?: boolean | undefined },
): string {
  if (key.ctrl === true) return `ctrl-${key.name}`;
  if (key.name === "return") return "enter";
  const isLetter = text !== undefined && /^[!-~]$/.test(text);
  return isLetter ? text : (key.name ?? "");
}
