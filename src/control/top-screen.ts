/** The screen of `tunicorn top`: from its state to lines. Pure; printable ASCII only, so that a column is a character in every terminal. */

import { asciiOnly } from "./ascii-only.ts";
import { duration } from "./format.ts";
import type { Latencies } from "./latency.ts";
import type { ReloadProgress, Top } from "./our-answers.ts";
import type { ShownRequest, ShownWorker } from "./picture.ts";
import type { Rates } from "./top-rates.ts";
import { KEYS_OF_OVERVIEW, KEYS_OF_TEXT, type ScreenSize, type TopState } from "./top-state.ts";

export type LineStyle = "plain" | "title" | "head" | "selected" | "notice" | "alarm" | "faint";

export interface ScreenLine {
  readonly text: string;
  readonly style: LineStyle;
}

const MIB = 1024 ** 2;
/** Workers get at most this part of the rows below the head, while there are requests to show. */
const WORKERS_SHARE = 0.5;
/** Cells of the bar of a reload. */
const BAR_CELLS = 20;
/** A worker that has been silent for longer is worth a look; event loops are asked once a second. */
const SILENT_NOTICE_S = 5;

/** @returns at most `rows` lines of at most `columns` characters. */
export function drawTop(state: TopState): ScreenLine[] {
  const { size, pane } = state;
  const lines = pane.at === "text" ? drawText(pane, size) : drawOverview(state);
  return lines.slice(0, size.rows).map(({ text, style }) => ({ text: text.slice(0, size.columns), style }));
}

function drawText(
  { title, lines, first }: { title: string; lines: readonly string[]; first: number },
  { columns, rows }: ScreenSize,
): ScreenLine[] {
  const room = Math.max(1, rows - 2);
  const shown = lines.slice(first, first + room);
  const place = `${first + 1}-${first + shown.length} of ${lines.length}`;
  const blank = Array.from({ length: Number.isFinite(room) ? room - shown.length : 0 }, () => plain(""));
  return [line(apart(title, place, columns), "title"), ...shown.map(plain), ...blank, line(KEYS_OF_TEXT, "faint")];
}

function drawOverview(state: TopState): ScreenLine[] {
  const { size, sample, rates } = state;
  const foot = footLine(state);
  if (sample === undefined) return [plain("looking for the server ..."), foot];
  const { top } = sample;
  const head = drawHead(top, rates, size.columns);
  const room = Math.max(0, size.rows - head.length - 1);
  const workers = drawWorkers(top, state, workersRoom(room, top));
  const requests = drawRequests(top, Math.max(0, room - workers.length));
  const body = [...head, ...workers, ...requests];
  // The last line stays at the bottom; a page without end has none.
  const blank = Number.isFinite(size.rows) ? Math.max(0, size.rows - 1 - body.length) : 0;
  return [...body.slice(0, Math.max(0, size.rows - 1)), ...Array.from({ length: blank }, () => plain("")), foot];
}

function drawHead(top: Top, rates: Rates | undefined, columns: number): ScreenLine[] {
  const { server, counters, queue, connections } = top;
  const running = top.requests.filter(({ state }) => state === "running").length;
  const silent = queue.silent_gateways;
  const oldest = queue.oldest_seconds === null ? "" : `, oldest ${queue.oldest_seconds}s`;
  return [
    line(
      apart(
        `${asciiOnly(server.name)}  pid ${server.pid}  ${server.worker_class}  ${server.state}`,
        `up ${duration(server.uptime)}`,
        columns,
      ),
      "title",
    ),
    plain(`listening ${server.listening.map(asciiOnly).join(" ")}`),
    plain(
      `answered ${counters.requests}${perSecond(rates?.requests)}  running ${running}${top.more_requests > 0 ? "+" : ""}` +
        `  queued ${queue.length}${oldest}  connections ${connections.open}${perSecond(rates?.connections)}`,
    ),
    ...(top.durations === null ? [] : [plain(latencyLine(rates?.latencies))]),
    plain(memoryLine(top)),
    reloadLine(top.reload),
    ...(silent.length === 0 ? [] : [line(`no answer from gateway ${silent.join(", ")}: its numbers are missing`, "alarm")]),
    plain(""),
  ];
}

function latencyLine(latencies: Latencies | undefined): string {
  if (latencies === undefined) return "latency -";
  const { p50, p95, p99 } = latencies;
  return `latency p50 ${shortly(p50)}, p95 ${shortly(p95)}, p99 ${shortly(p99)}`;
}

/** @returns `"0.4ms"`, `"12ms"`, `"1.5s"` */
function shortly(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(1)}s`;
  return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)}ms`;
}

function memoryLine({ workers, counters }: Top): string {
  const sum = (of: (worker: ShownWorker) => number | null): string =>
    mebibytes(workers.reduce((total, each) => total + (of(each) ?? 0), 0));
  const ready = workers.filter(({ state }) => state === "ready").length;
  const { workers_spawned: forked, workers_killed: sentAway } = counters;
  return `workers ${ready}/${workers.length} ready, forked ${forked}, sent away ${sentAway}  memory ${sum((each) => each.rss_bytes)} RSS, ${sum((each) => each.pss_bytes)} PSS`;
}

const RELOADING: Readonly<Record<ReloadProgress["state"], string>> = {
  none: "",
  due: "reload is about to begin",
  reading: "reload reads the settings",
  binding: "reload binds addresses",
  replacing: "reload replaces the workers",
};

function reloadLine({ state, generation, ready, target, withdrawn }: ReloadProgress): ScreenLine {
  const filled = Math.min(BAR_CELLS, Math.round((BAR_CELLS * ready) / Math.max(1, target)));
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_CELLS - filled)}] ${ready} of ${target}`;
  if (state === "replacing") return line(`generation ${generation}  ${RELOADING[state]} ${bar}`, "notice");
  if (state !== "none") return line(`generation ${generation}  ${RELOADING[state]}`, "notice");
  if (withdrawn !== null)
    return line(`generation ${generation}  last reload withdrawn: ${asciiOnly(withdrawn.split("\n", 1)[0] ?? "")}`, "alarm");
  return plain(`generation ${generation}`);
}

/** Rows for the table of workers, its head and the blank line behind it included. */
function workersRoom(room: number, { workers, requests, more_requests: more }: Top): number {
  const wanted = workers.length + 2;
  const forRequests = requests.length + more === 0 ? 2 : requests.length + 2;
  return Math.min(wanted, Math.max(Math.floor(room * WORKERS_SHARE), room - forRequests));
}

const WORKER_COLUMNS = ["PID", "GEN", "STATE", "REQUESTS", "REQ/S", "RUNNING", "SILENT", "RSS", "PSS"];
/** Negative: to the right, as numbers are. Together with the mark 80. */
const WORKER_WIDTHS = [7, -5, 15, -9, -8, -8, -8, -8, -8];

function drawWorkers({ workers }: Top, { selected, rates }: TopState, room: number): ScreenLine[] {
  if (room < 2) return [];
  const head = line(cells(WORKER_COLUMNS, WORKER_WIDTHS, "  "), "head");
  const rows = Math.min(workers.length, room - 1);
  const at = workers.findIndex(({ pid }) => pid === selected);
  const first = Math.min(Math.max(0, at - Math.floor(rows / 2)), workers.length - rows);
  const shown = workers
    .slice(first, first + rows)
    .map((worker) => workerLine(worker, rates?.byWorker.get(worker.pid), worker.pid === selected));
  return [head, ...shown, ...(room > rows + 1 ? [plain("")] : [])];
}

function workerLine(worker: ShownWorker, rate: number | undefined, isSelected: boolean): ScreenLine {
  const { pid, generation, state, requests, in_flight: running, last_heartbeat: silent, rss_bytes: rss, pss_bytes: pss, aborted } = worker;
  const values = [
    pid,
    generation,
    state.replaceAll(" ", "-"),
    requests ?? "-",
    rate === undefined ? "-" : rate.toFixed(1),
    running ?? "-",
    silent === null ? "-" : `${silent.toFixed(1)}s`,
    rss === null ? "-" : mebibytes(rss),
    pss === null ? "-" : mebibytes(pss),
  ];
  const text = cells(values.map(String), WORKER_WIDTHS, isSelected ? "> " : "  ");
  if (isSelected) return line(text, "selected");
  if (aborted) return line(text, "alarm");
  return line(text, state !== "ready" || (silent ?? 0) > SILENT_NOTICE_S ? "notice" : "plain");
}

const REQUEST_COLUMNS = ["AGE", "STATE", "PID", "METHOD", "PATH"];
const REQUEST_WIDTHS = [-9, 10, 8, 8, 0];

function drawRequests({ requests, more_requests: more }: Top, room: number): ScreenLine[] {
  if (room < 2) return [];
  if (requests.length + more === 0) return [line("no requests in flight", "faint")];
  const head = line(cells(REQUEST_COLUMNS, REQUEST_WIDTHS, ""), "head");
  const fits = requests.length + 1 <= room && more === 0;
  const shown = requests.slice(0, fits ? requests.length : Math.max(0, room - 2));
  const rest = requests.length - shown.length + more;
  return [head, ...shown.map(requestLine), ...(rest > 0 ? [line(`      and ${rest} more`, "faint")] : [])];
}

function requestLine({ seconds, state, pid, method, path }: ShownRequest): ScreenLine {
  return plain(cells([`${seconds.toFixed(1)}s`, state, String(pid ?? "-"), asciiOnly(method), asciiOnly(path)], REQUEST_WIDTHS, ""));
}

function footLine({ pane, note, asked, lost, size }: TopState): ScreenLine {
  if (pane.at === "question") return line(`${pane.text} y/n`, "selected");
  if (lost !== undefined) return line(asciiOnly(lost), "alarm");
  if (asked.length > 0) return line(`waiting for: ${asked.join(", ")}`, "notice");
  if (note !== undefined) return line(asciiOnly(note.text), note.alarm ? "alarm" : "notice");
  return Number.isFinite(size.rows) ? line(KEYS_OF_OVERVIEW, "faint") : plain("");
}

function line(text: string, style: LineStyle): ScreenLine {
  return { text, style };
}

function plain(text: string): ScreenLine {
  return line(text, "plain");
}

/** @param widths  Of each cell, the blank behind it (or, negative, before it) included. */
function cells(values: readonly string[], widths: readonly number[], mark: string): string {
  const text = values.map((value, index) => {
    const width = widths[index] ?? 0;
    return width < 0 ? value.padStart(-width) : value.padEnd(width);
  });
  // A column of numbers may be followed by one of words.
  const parts = text.map((value, index) => ((widths[index - 1] ?? 0) < 0 && (widths[index] ?? 0) >= 0 ? ` ${value}` : value));
  return `${mark}${parts.join("")}`.trimEnd();
}

/** Two texts at the two ends of a line; the second goes when there is no room. */
function apart(left: string, right: string, columns: number): string {
  const gap = columns - left.length - right.length;
  return gap < 1 || !Number.isFinite(columns) ? left : `${left}${" ".repeat(gap)}${right}`;
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? "" : ` (${rate.toFixed(1)}/s)`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)}M`;
}
