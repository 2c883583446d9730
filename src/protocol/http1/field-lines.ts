/**
 * Field lines of a header or trailer section (RFC 9112 §5, RFC 9110 §5.5):
 *
 *     field-line    = field-name ":" OWS field-value OWS
 *     field-name    = token
 *     field-value   = *field-content            ; HTAB, SP, VCHAR, obs-text
 *     obs-fold      = OWS CRLF RWS              ; refused unless permitted
 *
 * Checks and their order are Gunicorn's (protocols §1.4).
 */

import { type HeaderName, headerNameBehind } from "../../request/header-name.ts";
import { isBlank, trimBlanks, trimBlanksEnd } from "./blanks.ts";
import { CRLF_BYTES } from "./octets.ts";
import type { Http1Policy } from "./policy.ts";
import { headersTooLarge, invalidHeader, invalidHeaderName, obsoleteFolding } from "./refusals.ts";

/** Receives the fields of one section, checked for form; decides what they mean. */
export interface FieldSink {
  /** Fields kept so far: what `limit_request_fields` counts. */
  readonly kept: number;
  /** Upper-case names that this section must not have. */
  readonly forbidden: ReadonlySet<string>;
  add(name: HeaderName, value: string): void;
}

/** Controls that a value must not hold; CR and LF among them, so nothing can pass as a line of its own further on. */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * @param section  The lines, each with its CRLF, without the empty line: `"A: b\r\nC: d\r\n"`. Latin-1.
 * @throws {ProtocolError} `bad-header`, `bad-header-name`, `obsolete-folding`, `headers-too-large`, and what the sink throws.
 */
export function parseFieldLines(section: string, policy: Http1Policy, sink: FieldSink): void {
  let at = 0;
  let before: HeaderName | undefined;
  while (at < section.length) {
    if (sink.kept >= policy.fieldsMax) throw headersTooLarge("limit request headers fields");
    const lineEnd = section.indexOf("\r\n", at);
    const colon = section.indexOf(":", at);
    if (colon <= at || colon > lineEnd) throw invalidHeader(section.slice(at, lineEnd));
    const name = parseName(section.slice(at, colon), before, policy.stripHeaderSpaces);
    before = name;
    if (sink.forbidden.has(name.upper)) throw invalidHeaderName(name.upper);

    let value = trimBlanks(section, colon + 1, lineEnd);
    let next = lineEnd + CRLF_BYTES;
    while (isBlank(section.charCodeAt(next))) {
      if (!policy.permitObsoleteFolding) throw obsoleteFolding(name.upper);
      const foldEnd = section.indexOf("\r\n", next);
      value = `${value} ${trimBlanks(section, next, foldEnd)}`;
      next = foldEnd + CRLF_BYTES;
      if (next - at > policy.fieldBytesMax) throw headersTooLarge("limit request headers fields size");
    }
    if (NOT_IN_VALUE.test(value)) throw invalidHeader(name.upper);
    if (next - at > policy.fieldBytesMax) throw headersTooLarge("limit request headers fields size");
    sink.add(name, value);
    at = next;
  }
}

/** Blanks before the colon are refused with the name, unless `strip_header_spaces` takes them away. */
function parseName(spelling: string, before: HeaderName | undefined, stripSpaces: boolean): HeaderName {
  const bare = stripSpaces ? trimBlanksEnd(spelling) : spelling;
  const name = headerNameBehind(before, bare);
  if (name === undefined) throw invalidHeaderName(bare);
  return name;
}
