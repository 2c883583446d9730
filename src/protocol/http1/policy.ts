/** What an HTTP/1 client may send: Gunicorn's settings, and the limits that follow from them. */

import type { SectionLimit } from "./section-end.ts";

/** The settings as the user gives them, with Gunicorn's special values; names are Gunicorn's. */
export interface Http1Settings {
  /** Bytes of the request line without its CRLF; 0 = as long as we can take. */
  readonly limitRequestLine: number;
  /** Header fields of one request; 0 = as many as we can take. */
  readonly limitRequestFields: number;
  /** Bytes of one field line with its CRLF; 0 = the default. */
  readonly limitRequestFieldSize: number;
  /** Accept a field value that goes on in the next line (RFC 9112 §5.2). */
  readonly permitObsoleteFolding: boolean;
  /** Accept blanks between a field's name and its colon. */
  readonly stripHeaderSpaces: boolean;
  /** Accept methods with lower-case letters or `#`, and of any length. */
  readonly permitUnconventionalHttpMethod: boolean;
  /** Accept `HTTP/0.9`, `HTTP/2.0`, `HTTP/9.7`. */
  readonly permitUnconventionalHttpVersion: boolean;
  /** Turn methods into upper case. */
  readonly casefoldHttpMethod: boolean;
  /** What becomes of a name with `_`, which WSGI cannot tell from its dashed twin. */
  readonly headerMap: "drop" | "refuse" | "dangerous";
  /** Names with `_` that a trusted peer may send, upper case; `"*"` = all. */
  readonly forwarderHeaders: ReadonlySet<string> | "*";
  /** Upper-case names of fields by which a trusted peer says that its client used TLS, with the value that says so. */
  readonly secureSchemeHeaders: ReadonlyMap<string, string>;
}

/** The settings with their limits worked out (protocols §1.5). Made once, used by every parser. */
export interface Http1Policy extends Http1Settings {
  readonly requestLineBytesMax: number;
  readonly fieldsMax: number;
  readonly fieldBytesMax: number;
  readonly headerSection: SectionLimit;
  readonly trailerSection: SectionLimit;
}

/** Gunicorn takes no larger `limit_request_line`; more is cut to this. */
const REQUEST_LINE_BYTES_CAP = 8190;
/** Where the setting says "unlimited". A line must be whole before it is used, so even that needs an end; Gunicorn's C parser has the same. */
const REQUEST_LINE_BYTES_UNLIMITED = 1024 * 1024;
/** Gunicorn's cap of `limit_request_fields`. */
const FIELDS_CAP = 32768;
const FIELD_BYTES_DEFAULT = 8190;

/** Works out the limits behind Gunicorn's special values: 0, and numbers over the caps. */
export function http1Policy(settings: Http1Settings): Http1Policy {
  const { limitRequestLine, limitRequestFields, limitRequestFieldSize } = settings;
  const fieldsMax = limitRequestFields <= 0 || limitRequestFields > FIELDS_CAP ? FIELDS_CAP : limitRequestFields;
  const fieldBytesMax = limitRequestFieldSize <= 0 ? FIELD_BYTES_DEFAULT : limitRequestFieldSize;
  const sectionBytesMax = fieldsMax * (fieldBytesMax + "\r\n".length) + "\r\n\r\n".length;
  return {
    ...settings,
    requestLineBytesMax: limitRequestLine === 0 ? REQUEST_LINE_BYTES_UNLIMITED : requestLineCap(limitRequestLine),
    fieldsMax,
    fieldBytesMax,
    headerSection: { bytesMax: sectionBytesMax, wholeBytesMax: sectionBytesMax, name: "max buffer headers" },
    trailerSection: { bytesMax: sectionBytesMax, wholeBytesMax: sectionBytesMax + 1, name: "limit request trailer section size" },
  };
}

function requestLineCap(limit: number): number {
  return limit < 0 ? REQUEST_LINE_BYTES_CAP : Math.min(limit, REQUEST_LINE_BYTES_CAP);
}
