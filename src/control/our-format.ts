/** The answers to our own commands as text for a terminal. */

import { type AnswerData, duration, listOf, row } from "./format.ts";

const MIB = 1024 ** 2;
/** A path on a line of its own would tear a table apart; `-j` has it whole. */
const PATH_SHOWN = 60;

const FORMATS: readonly (readonly [RegExp, (data: AnswerData) => string])[] = [
  [/^show top$/, formatTop],
  [/^show worker\b/, formatWorker],
  [/^show requests$/, formatRequests],
  [/^show exits$/, formatExits],
  [/^stacks\b/, formatStacks],
  [/^explain\b/, formatExplanation],
];

/** @param command  As it was typed. @returns undefined for a command without a form of its own. */
export function formatOurs(command: string, data: AnswerData): string | undefined {
  const words = command.trim().toLowerCase().split(/\s+/).join(" ");
  return FORMATS.find(([pattern]) => pattern.test(words))?.[1](data);
}

function formatTop(data: AnswerData): string {
  const server = (data.server ?? {}) as AnswerData;
  const reload = (data.reload ?? {}) as AnswerData;
  const queue = (data.queue ?? {}) as AnswerData;
  const connections = (data.connections ?? {}) as AnswerData;
  const counters = (data.counters ?? {}) as AnswerData;
  return [
    `${server.name} (${server.pid}) ${server.state}, up ${duration(Number(server.uptime ?? 0))}, ${server.worker_class}`,
    `generation ${reload.generation}, reload: ${reload.state}, ${reload.ready} of ${reload.target} workers ready`,
    `connections ${connections.open}, queued ${queue.length}, answered ${counters.requests}`,
    "",
    formatWorkerTable(listOf(data.workers)),
    "",
    formatRequests({ requests: data.requests, more: data.more_requests }),
  ].join("\n");
}

function formatWorkerTable(workers: readonly AnswerData[]): string {
  const head = row(
    ["PID", 8],
    ["AGE", 5],
    ["GEN", 4],
    ["STATE", 14],
    ["REQUESTS", 9],
    ["IN FLIGHT", 9],
    ["SILENT", 9],
    ["RSS", 9],
    ["PSS"],
  );
  const rows = workers.map((worker) =>
    row(
      [worker.pid, 8],
      [worker.age, 5],
      [worker.generation, 4],
      [worker.state, 14],
      [worker.requests ?? "n/a", 9],
      [worker.in_flight ?? "n/a", 9],
      [typeof worker.last_heartbeat === "number" ? `${worker.last_heartbeat}s` : "n/a", 9],
      [mebibytes(worker.rss_bytes), 9],
      [mebibytes(worker.pss_bytes)],
    ),
  );
  return [head, ...rows].join("\n");
}

function formatWorker(data: AnswerData): string {
  return [formatWorkerTable([data]), "", formatRequests({ requests: data.requests_in_flight })].join("\n");
}

function formatRequests({ requests, more = 0, silent_gateways: silent }: AnswerData): string {
  const shown = listOf(requests);
  const missing = Array.isArray(silent) && silent.length > 0 ? [`no answer from gateway ${silent.join(", ")}`] : [];
  if (shown.length === 0 && Number(more) === 0) return [...missing, "No requests in flight"].join("\n");
  const rows = shown.map(({ seconds, state, pid, method, path }) =>
    row([`${seconds}s`, 9], [state, 10], [pid ?? "-", 8], [method, 8], [shorten(path)]),
  );
  const rest = Number(more) > 0 ? [`and ${more} more`] : [];
  return [...missing, row(["AGE", 9], ["STATE", 10], ["PID", 8], ["METHOD", 8], ["PATH"]), ...rows, ...rest].join("\n");
}

function formatExits(data: AnswerData): string {
  const exits = listOf(data.exits);
  if (exits.length === 0) return "No worker has ended";
  const rows = exits.flatMap(({ seconds_ago: ago, pid, generation, reason, status, detail }) => [
    row([`${ago}s ago`, 14], [pid, 8], [generation, 4], [reason, 24], [status]),
    ...(typeof detail === "string" ? [`    ${printable(detail)}`] : []),
  ]);
  return [row(["WHEN", 14], ["PID", 8], ["GEN", 4], ["REASON", 24], ["STATUS"]), ...rows].join("\n");
}

/** What the application has named its threads is its own affair. */
function formatStacks({ stacks }: AnswerData): string {
  return String(stacks ?? "")
    .trimEnd()
    .split("\n")
    .map(printable)
    .join("\n");
}

function formatExplanation({ setting, value, origin, default: initial, on_reload, summary, no_effect }: AnswerData): string {
  const lines = [`${setting} = ${value}`, `  from: ${origin}`, `  default: ${initial}`, `  on reload: ${on_reload}`, `  ${summary}`];
  return [...lines, ...(typeof no_effect === "string" ? [`  without effect: ${no_effect}`] : [])].join("\n");
}

function mebibytes(bytes: unknown): string {
  return typeof bytes === "number" ? `${(bytes / MIB).toFixed(1)} MiB` : "n/a";
}

function shorten(path: unknown): string {
  const text = printable(String(path));
  return text.length <= PATH_SHOWN ? text : `${text.slice(0, PATH_SHOWN - 1)}…`;
}

/** A client chooses its path: what a terminal would take for a command is shown as what it is. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
