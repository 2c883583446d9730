/** Field lines of a worker's response into fields of HTTP/2 (RFC 9113 §8.2). Each line is made once and found again by its text. */

import { ownText } from "../../base/own-text.ts";
import { type EncodedField, encodeField } from "../hpack/encoded-field.ts";
import { trimBlanks } from "../http1/blanks.ts";
import { SERVER } from "../http1/prefix-lines.ts";

const SERVER_FIELD = encodeField("server", SERVER);
/** Lines that are kept: an application has a few dozen. When so many are known all are forgotten, because values may be anything. */
const LINES_MAX = 1024;
/** Longer lines are made anew each time, so that what is kept is small. */
const LINE_CHARACTERS_MAX = 256;

/** The worker leaves them out; an application behind HTTP/1 of its own may not (RFC 9113 §8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set(["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]);

const known = new Map<string, EncodedField>();
let dateField = encodeField("date", "");

/**
 * @param fieldLines         `"Content-Type: text/plain\r\nX-A: b\r\n"`, checked by the worker; latin-1.
 * @param date               Date header's value, the same for all responses of a second.
 * @param keepContentLength  false where a response must not say a length (204).
 * @returns                  `server`, `date`, then the application's; an application's own `server` or `date` comes behind ours, as in HTTP/1.
 */
export function responseFields(fieldLines: string, date: string, keepContentLength = true): EncodedField[] {
  if (dateField.value !== date) dateField = encodeField("date", date);
  const fields: EncodedField[] = [SERVER_FIELD, dateField];
  addFields(fields, fieldLines, keepContentLength);
  return fields;
}

/** Fields of a 1xx response, or trailers: the application's alone. */
export function plainFields(fieldLines: string): EncodedField[] {
  const fields: EncodedField[] = [];
  addFields(fields, fieldLines, true);
  return fields;
}

function addFields(fields: EncodedField[], fieldLines: string, keepContentLength: boolean): void {
  let at = 0;
  while (at < fieldLines.length) {
    const end = fieldLines.indexOf("\r\n", at);
    const field = fieldOfLine(fieldLines.slice(at, end));
    if (field !== undefined && (keepContentLength || field.name !== "content-length")) fields.push(field);
    at = end + 2;
  }
}

/** @returns Undefined for a line that HTTP/2 has no place for. */
function fieldOfLine(line: string): EncodedField | undefined {
  const field = known.get(line);
  if (field !== undefined) return field;
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).toLowerCase();
  if (CONNECTION_SPECIFIC.has(name)) return undefined;
  const made = encodeField(name, trimBlanks(line, colon + 1));
  if (line.length > LINE_CHARACTERS_MAX) return made;
  if (known.size >= LINES_MAX) known.clear();
  // A copy: a slice would keep the whole head it was cut from in memory.
  known.set(ownText(line), made);
  return made;
}
