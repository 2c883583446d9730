/** Requests whose lines, fields and sections are just as long as a limit, a little shorter, or a little longer. */

import fc from "fast-check";
import type { GunicornSettings } from "./outcome.ts";

const LINE_MAX = 30;
/** Room for `Transfer-Encoding: chunked`. */
const FIELD_MAX = 30;
const FIELDS_MAX = 3;
/** Bytes of a header section with its empty line, and of a trailer section (protocols §1.5). */
const SECTION_MAX = FIELDS_MAX * (FIELD_MAX + 2) + 4;

const SETTINGS: readonly GunicornSettings[] = [
  { limit_request_line: LINE_MAX, limit_request_field_size: FIELD_MAX, limit_request_fields: FIELDS_MAX },
  { limit_request_line: LINE_MAX, limit_request_field_size: FIELD_MAX, limit_request_fields: FIELDS_MAX, permit_obsolete_folding: true },
  { limit_request_line: LINE_MAX, limit_request_field_size: FIELD_MAX, limit_request_fields: FIELDS_MAX, header_map: "dangerous" },
  { limit_request_line: LINE_MAX, limit_request_field_size: FIELD_MAX, limit_request_fields: FIELDS_MAX, strip_header_spaces: true },
];

/** How far from the limit: mostly at it. */
const offset = fc.constantFrom(-3, -2, -1, 0, 0, 1, 2, 3, 8);
const end = fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "");

/** Text that a frame fills up to `bytes` in all. */
function filled(before: string, after: string, bytes: number, filler = "x"): string {
  return before + filler.repeat(Math.max(0, bytes - before.length - after.length)) + after;
}

const requestLine = fc
  .tuple(offset, end, fc.constantFrom("", "", "\r\n"))
  .map(([over, lineEnd, before]) => before + filled("GET /", " HTTP/1.1", LINE_MAX + over) + lineEnd);
const shortLine = fc.constant("GET / HTTP/1.1\r\n");
/** A field line of about the limit; its CRLF counts. */
const longField = fc
  .tuple(fc.constantFrom("A: ", "X_Y: ", "A:", "A : ", "Content-Length: 0", "A: x\r\n "), offset, end)
  .map(([name, over, lineEnd]) => filled(name, "", FIELD_MAX - 2 + over, name.startsWith("C") ? "0" : "x") + lineEnd);
const shortField = fc.constantFrom("A: b\r\n", "X_Y: 1\r\n", "B:\r\n", "A: 1\r\n 2\r\n");
const section = fc.oneof(
  fc.array(fc.oneof(shortField, longField), { maxLength: FIELDS_MAX + 2 }).map((lines) => lines.join("")),
  fc.tuple(offset, fc.constantFrom("X_Y: 1\r\n", "A")).map(([over, line]) => line.repeat(SECTION_MAX).slice(0, SECTION_MAX + over)),
);
const chunkLine = fc.tuple(fc.constantFrom("0", ";", " "), offset, end).map(([kind, over, lineEnd]) => {
  if (kind === "0") return filled("", "1", FIELD_MAX + over, "0") + lineEnd;
  return (kind === ";" ? filled("1;", "", FIELD_MAX + over, "a") : filled("1", ";a", FIELD_MAX + over, " ")) + lineEnd;
});
const chunkedBody = fc
  .tuple(fc.array(chunkLine, { maxLength: 2 }), section)
  .map(([lines, trailers]) => `${lines.map((line) => `${line}y\r\n`).join("")}0\r\n${trailers}\r\n`);

const bytes = fc
  .tuple(
    fc.oneof(shortLine, requestLine),
    fc.oneof(section, fc.constant("")),
    fc.constantFrom("\r\n", "\r\n", "\r\n", ""),
    fc.oneof(chunkedBody, fc.constant(undefined)),
  )
  .map(([line, fields, empty, content]) =>
    content === undefined ? line + fields + empty : `${line}Transfer-Encoding: chunked\r\n${fields}${empty}${content}`,
  );

/** Bytes and the settings whose limits they are about. */
export const nearLimits = fc.record({ bytes, settings: fc.constantFrom(...SETTINGS) });
