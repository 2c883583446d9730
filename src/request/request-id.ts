/** What may be taken for the id of a request or a trace when a proxy sends it. */

import type { ResponseHead } from "./exchange.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Longer ones are replaced: an id stands in every line about its request. UUIDs have 36 characters, AWS's X-Amzn-Trace-Id three parts
 * of about 40.
 */
const REQUEST_ID_MAX = 200;
/** Heroku's rule and what other makers of ids use: nothing that could end a field of a log or a header. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:;@-]+$/;

/** @param value  Of the header, as received. */
export function isRequestId(value: string): boolean {
  return value.length <= REQUEST_ID_MAX && REQUEST_ID.test(value);
}

/** W3C Trace Context §3.2.2: version 00 is exactly this long, later versions may go on behind a dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ALL_ZERO = /^0+$/;

/**
 * Reads the trace's id.
 *
 * @param traceparent  `"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`
 * @returns            undefined when the field is not valid, which is then to be ignored (§3.2.2.5).
 */
export function traceIdOf(traceparent: string): string | undefined {
  const [, version, traceId = "", parentId = "", more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  return ALL_ZERO.test(traceId) || ALL_ZERO.test(parentId) ? undefined : traceId;
}

/** The response with the request's id, where the client is to be told. */
export function echoed({ echo }: RequestHead, response: ResponseHead): ResponseHead {
  return echo === undefined ? response : { ...response, fieldLines: withEcho(response.fieldLines, echo) };
}

/** Adds the id to a response's fields, where the application has not sent such a field. @param fieldLines  `"A: 1\r\n"`. */
export function withEcho(fieldLines: string, echo: string): string {
  const name = echo.slice(0, echo.indexOf(":") + 1).toLowerCase();
  const lower = fieldLines.toLowerCase();
  return lower.startsWith(name) || lower.includes(`\n${name}`) ? fieldLines : fieldLines + echo;
}
