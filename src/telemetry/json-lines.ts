/** The lines of both logs with `log_format` json: one object each, ASCII, its fields in the order of docs/logging.md. */

import type { AccessRecord } from "./access-log-atoms.ts";

/** A text that stands for itself between quotation marks. */
const PLAIN = /^[ !#-[\]-~]*$/;
const NON_ASCII = /[^\0-\x7e]/g;
/** strict: bytes that are no UTF-8 are shown one by one. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @returns `{"time":"2026-11-21T20:57:56.123Z","log":"error","level":"info","pid":4211,"message":"..."}` and a line feed. */
export function formatJsonErrorLine(at: Date, pid: number, level: string, text: string): string {
  return `{"time":"${at.toISOString()}","log":"error","level":"${level}","pid":${pid},"message":${quoteText(text)}}\n`;
}

/** @returns The line of one exchange, without line end. */
export function formatJsonAccessLine(record: AccessRecord): string {
  const { head } = record;
  const { names, values } = head;
  // In one pass, and without an object for what it finds: for each line it is done. Of repeated fields the first counts.
  let host: string | undefined;
  let userAgent: string | undefined;
  let referer: string | undefined;
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i]!;
    if (lower === "host") host ??= values[i];
    else if (lower === "user-agent") userAgent ??= values[i];
    else if (lower === "referer") referer ??= values[i];
  }
  return (
    `{"time":"${timeOf(record.finishedMs)}","log":"access"` +
    `,"request_id":${quote(head.requestId)},"trace_id":${quote(head.traceId)}` +
    `,"remote_addr":${quote(head.peer.remoteAddress)},"method":${quote(head.method)},"target":${quote(head.target)}` +
    `,"protocol":${quote(head.protocol)},"scheme":"${head.scheme}","host":${quote(host)}` +
    `,"status":${record.status},"bytes":${record.bodyBytes}` +
    `,"duration_ms":${thousandths(record.durationUs)},"queue_ms":${queueMs(record)}` +
    `,"pid":${record.workerPid},"generation":${record.generation ?? "null"}` +
    `,"user_agent":${quote(userAgent)},"referer":${quote(referer)}}`
  );
}

/** null for a request that no worker has had. */
function queueMs({ arrivedMs, startedMs }: AccessRecord): string {
  return arrivedMs === undefined || startedMs === undefined ? "null" : thousandths((startedMs - arrivedMs) * 1000);
}

/** `".000"` to `".999"`: to have them ready is faster than to write a fraction. */
const FRACTIONS = Array.from({ length: 1000 }, (_, index) => `.${String(index).padStart(3, "0")}`);

/** @param us  1234.5 is `1.235`, in milliseconds. */
function thousandths(us: number): string {
  const whole = us > 0 ? Math.round(us) : 0;
  return Math.floor(whole / 1000) + FRACTIONS[whole % 1000]!;
}

/** @param text  Latin-1, one character for each byte: what a client has sent. UTF-8 is read as such. */
function quote(text: string | undefined): string {
  if (text === undefined) return "null";
  return PLAIN.test(text) ? `"${text}"` : quoteText(decoded(text));
}

function decoded(text: string): string {
  try {
    return utf8.decode(Buffer.from(text, "latin1"));
  } catch {
    return text;
  }
}

/** @param text  Unicode. */
function quoteText(text: string): string {
  return JSON.stringify(text).replace(NON_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

let second = Number.NaN;
let secondText = "";

/** Formats once per second: under load thousands of lines share one. */
function timeOf(ms: number): string {
  const now = Math.floor(ms / 1000);
  if (now !== second) {
    second = now;
    secondText = new Date(now * 1000).toISOString().slice(0, -".000Z".length);
  }
  return `${secondText}${FRACTIONS[Math.floor(ms % 1000)]!}Z`;
}
