/**
 * Splits a request target (RFC 9112 §3.2) into path and query the way Gunicorn does: by Python's URL split (protocols §1.3).
 *
 *     origin-form    = absolute-path [ "?" query ]
 *     absolute-form  = scheme ":" hier-part [ "?" query ]
 *     authority-form = uri-host ":" port
 *     asterisk-form  = "*"
 *     authority      = [ userinfo "@" ] host [ ":" port ]        ; RFC 3986 §3.2
 *     IP-literal     = "[" ( IPv6address / IPvFuture ) "]"
 *
 * A fragment has no place in any of them; Gunicorn cuts it, and so do we. The authority does not replace Host.
 */

import { isIpv6 } from "../../base/ip-network.ts";

/** Parts of a request target; nothing is decoded. */
export interface TargetParts {
  /** `"/a%20b"`; `"*"`; `""` for `http://h`. */
  readonly rawPath: string;
  /** Between the first `?` and the fragment; `""` when absent. */
  readonly query: string;
}

/** RFC 3986 §3.1. A scheme is cut off wherever one can be read, so `CONNECT h:443` has the path `443` (Gunicorn's artefact). */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * @param target  Printable ASCII in one of the forms of RFC 9112 §3.2: `"/a?x=1#f"`, `"http://h/a"`, `"*"`, `"h:443"`.
 * @returns       Undefined when an authority in it has brackets that are not those of an IP literal (RFC 3986 §3.2.2).
 */
export function splitTarget(target: string): TargetParts | undefined {
  if (target.startsWith("/")) return splitPath(target); // never an authority, even when it starts with "//"
  const rest = target.replace(SCHEME, "");
  if (!rest.startsWith("//")) return splitPath(rest);
  const afterSlashes = rest.slice(2);
  const authorityLength = afterSlashes.search(/[/?#]/);
  const authority = authorityLength < 0 ? afterSlashes : afterSlashes.slice(0, authorityLength);
  if (!hasSoundBrackets(authority)) return undefined;
  return splitPath(afterSlashes.slice(authority.length));
}

/** Cuts the fragment at the first `#`, then the query at the first `?`. */
function splitPath(text: string): TargetParts {
  const hash = text.indexOf("#");
  const whole = hash < 0 ? text : text.slice(0, hash);
  const mark = whole.indexOf("?");
  return mark < 0 ? { rawPath: whole, query: "" } : { rawPath: whole.slice(0, mark), query: whole.slice(mark + 1) };
}

/** Python's test: brackets come in pairs, and the first pair encloses an IPv6 address or an IPvFuture. */
function hasSoundBrackets(authority: string): boolean {
  const open = authority.indexOf("[");
  const hasClose = authority.includes("]");
  if (open < 0 || !hasClose) return open < 0 && !hasClose;
  const host = authority.slice(open + 1).split("]", 1)[0] ?? "";
  if (host.startsWith("v")) return /^v[a-fA-F0-9]+\../.test(host);
  const [address = "", zone, ...more] = host.split("%");
  return isIpv6(address) && zone !== "" && more.length === 0;
}
