import { trimBlanks } from "./blanks.ts";
import { HTTP_1_0 } from "./request-line.ts";

/**
 * Whether the client wants the connection to stay open (RFC 9112 §9.3, RFC 9110 §7.6.1):
 *
 *     Connection        = [ connection-option *( OWS "," OWS connection-option ) ]
 *     connection-option = token                     ; case-insensitive
 *
 * Gunicorn looks only at the first field and
 * only at its whole value; we read the list that the field is, and `close` anywhere in it wins.
 *
 * @param options  All Connection fields joined with commas, `"close, te"`; undefined when there was none.
 * @param version  As in RequestLine: 11 for HTTP/1.1.
 */
export function wantsKeepAlive(options: string | undefined, version: number): boolean {
  if (options === undefined) return version > HTTP_1_0;
  if (options === "keep-alive") return true; // what most clients send, if anything
  const wanted = options
    .toLowerCase()
    .split(",")
    .map((option) => trimBlanks(option));
  if (wanted.includes("close")) return false;
  return version > HTTP_1_0 || wanted.includes("keep-alive");
}
