/** Answers as text for a terminal: Gunicorn's to its own commands, column for column. */

import { pythonValue, str } from "../base/python-repr.ts";

/** An answer's `data`, from whatever server: any field may be missing. */
export type AnswerData = Readonly<Record<string, unknown>>;

const FORMATS: Readonly<Record<string, (data: AnswerData) => string>> = {
  "show all": formatAll,
  "show workers": formatWorkers,
  "show dirty": formatDirty,
  "show stats": formatStats,
  "show listeners": formatListeners,
  "show config": formatConfig,
  help: formatHelp,
};

/** @param command  As it was typed. @returns undefined for a command that Gunicorn does not format. */
export function formatAsGunicorn(command: string, data: AnswerData): string | undefined {
  const words = command.trim().toLowerCase().split(/\s+/).join(" ");
  return Object.hasOwn(FORMATS, words) ? FORMATS[words]?.(data) : undefined;
}

/** What has no form of its own. */
export function formatAsJson(data: AnswerData): string {
  return Object.keys(data).length === 0 ? "OK" : JSON.stringify(data, null, 2);
}

export function formatWorkers(data: AnswerData): string {
  const workers = listOf(data.workers);
  if (workers.length === 0) return "No workers running";
  const rows = workers.map((worker) => workerRow(worker));
  const count = data.count ?? workers.length;
  return [row(["PID", 10], ["AGE", 6], ["BOOTED", 8], ["LAST_BEAT"]), "-".repeat(40), ...rows, "", `Total: ${count} workers`].join("\n");
}

function workerRow({ pid = "?", age = "?", booted, last_heartbeat: beat }: AnswerData): string {
  return row([pid, 10], [age, 6], [booted ? "yes" : "no", 8], [typeof beat === "number" ? `${beat}s ago` : "n/a"]);
}

function formatDirty(data: AnswerData): string {
  if (!data.enabled) return "Dirty arbiter not running";
  const lines = [`Dirty arbiter PID: ${data.pid ?? "None"}`, ""];
  const workers = listOf(data.workers);
  if (workers.length > 0) {
    lines.push("DIRTY WORKERS:", row(["PID", 10], ["AGE", 6], ["APPS", 30], ["LAST_BEAT"]), "-".repeat(60));
    for (const { pid = "?", age = "?", apps, last_heartbeat: beat } of workers) {
      const names = (Array.isArray(apps) ? apps : []).join(", ").slice(0, 30);
      lines.push(row([pid, 10], [age, 6], [names, 30], [typeof beat === "number" ? `${beat}s ago` : "n/a"]));
    }
    lines.push("");
  }
  const apps = listOf(data.apps);
  if (apps.length > 0) {
    lines.push("DIRTY APPS:", row(["APP", 30], ["WORKERS", 10], ["LIMIT"]), "-".repeat(50));
    for (const { import_path: path = "?", current_workers: current = 0, worker_count: limit } of apps)
      lines.push(row([String(path).slice(0, 30), 30], [current, 10], [limit ?? "none"]));
  }
  return lines.join("\n");
}

function formatStats(data: AnswerData): string {
  const lines = [
    `Uptime:           ${typeof data.uptime === "number" && data.uptime > 0 ? duration(data.uptime) : "unknown"}`,
    `PID:              ${data.pid ?? "unknown"}`,
    `Workers current:  ${data.workers_current ?? 0}`,
    `Workers target:   ${data.workers_target ?? 0}`,
    `Workers spawned:  ${data.workers_spawned ?? 0}`,
    `Workers killed:   ${data.workers_killed ?? 0}`,
    `Reloads:          ${data.reloads ?? 0}`,
  ];
  if (data.dirty_arbiter_pid) lines.push(`Dirty arbiter:    ${data.dirty_arbiter_pid}`);
  return lines.join("\n");
}

/** @returns `"2h 15m 30s"`, `"1m 2s"`, `"31s"` */
export function duration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)];
  if (hours > 0) return `${hours}h ${minutes}m ${rest}s`;
  return minutes > 0 ? `${minutes}m ${rest}s` : `${rest}s`;
}

function formatListeners(data: AnswerData): string {
  const listeners = listOf(data.listeners);
  if (listeners.length === 0) return "No listeners bound";
  const rows = listeners.map(({ address = "?", type = "?", fd = "?" }) => row([address, 40], [type, 8], [fd]));
  const count = data.count ?? listeners.length;
  return [row(["ADDRESS", 40], ["TYPE", 8], ["FD"]), "-".repeat(55), ...rows, "", `Total: ${count} listeners`].join("\n");
}

function formatConfig(data: AnswerData): string {
  return Object.keys(data)
    .sort()
    .map((key) => `${key}: ${configValue(data[key])}`)
    .join("\n");
}

function configValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(configValue).join(", ");
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return str(pythonValue(value as string | number | boolean | null));
}

function formatHelp(data: AnswerData): string {
  const commands = Object.entries((data.commands ?? {}) as Record<string, string>).sort(([one], [other]) => (one < other ? -1 : 1));
  const width = Math.max(0, ...commands.map(([usage]) => usage.length)) + 2;
  return ["Available commands:", "", ...commands.map(([usage, text]) => `  ${usage.padEnd(width)} ${text}`)].join("\n");
}

function formatAll(data: AnswerData): string {
  const workers = listOf(data.web_workers);
  const lines = ["ARBITER (master)", `  PID: ${(data.arbiter as AnswerData | undefined)?.pid ?? "?"}`, ""];
  lines.push(`WEB WORKERS (${data.web_worker_count ?? 0})`);
  if (workers.length === 0) lines.push("  (none)");
  else {
    lines.push(`  ${row(["PID", 10], ["AGE", 6], ["BOOTED", 8], ["LAST_BEAT"])}`, `  ${"-".repeat(38)}`);
    for (const worker of workers) lines.push(`  ${workerRow(worker)}`);
  }
  lines.push("", "DIRTY ARBITER");
  const dirty = data.dirty_arbiter as AnswerData | null | undefined;
  if (!dirty) lines.push("  (not running)");
  else lines.push(`  PID: ${dirty.pid ?? "?"}`, "", ...formatDirtyWorkers(data));
  return lines.join("\n");
}

/** Applications by their class's name, one a line. */
function formatDirtyWorkers(data: AnswerData): string[] {
  const workers = listOf(data.dirty_workers);
  const lines = [`DIRTY WORKERS (${data.dirty_worker_count ?? 0})`];
  if (workers.length === 0) return [...lines, "  (none)"];
  lines.push(`  ${row(["PID", 10], ["AGE", 6], ["APPS"])}`, `  ${"-".repeat(50)}`);
  for (const { pid = "?", age = "?", apps } of workers) {
    const names = (Array.isArray(apps) ? apps : []).map((app) => String(app).split(":").at(-1));
    lines.push(`  ${row([pid, 10], [age, 6], [names[0] ?? "(no apps)"])}`);
    for (const name of names.slice(1)) lines.push(`  ${row(["", 10], ["", 6], [name])}`);
  }
  return lines;
}

/** @param cells  With the width of each; the last has none. */
export function row(...cells: readonly (readonly [unknown, number?])[]): string {
  return cells.map(([text, width = 0]) => String(text).padEnd(width)).join(" ");
}

export function listOf(value: unknown): AnswerData[] {
  return Array.isArray(value) ? value : [];
}
