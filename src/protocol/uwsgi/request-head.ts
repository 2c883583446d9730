/** A request's head out of the variables of a uWSGI packet, as Gunicorn reads them (protocols §7.2). */

import { reprString } from "../../base/python-repr.ts";
import { type HeaderName, headerName } from "../../request/header-name.ts";
import type { BodyFraming, Peer, RequestHead } from "../../request/request-head.ts";
import { wantsKeepAlive } from "../http1/connection-options.ts";
import { parseContentLength } from "../http1/content-length.ts";
import { invalidHeaderName } from "../http1/refusals.ts";
import { HTTP_1_1 } from "../http1/request-line.ts";
import { invalidPacket } from "./refusals.ts";

type Vars = ReadonlyMap<string, string>;

const HTTP_PREFIX = "HTTP_";
/** Values of HTTPS that say so. */
const YES = new Set(["on", "1", "true"]);

/**
 * What is not named here is ignored, as by Gunicorn: REMOTE_ADDR is the proxy, SERVER_PROTOCOL is HTTP/1.1, and
 * SCRIPT_NAME comes from the process environment only.
 *
 * @throws {ProtocolError} `bad-content-length`, `bad-header-name`; `bad-uwsgi-packet` for a scheme that is none, and two lengths.
 */
export function requestHead(vars: Vars, peer: Peer): RequestHead {
  const path = vars.get("PATH_INFO") ?? "/";
  const query = vars.get("QUERY_STRING") ?? "";
  const { names, values } = headers(vars);
  return {
    peer,
    method: vars.get("REQUEST_METHOD") ?? "GET",
    target: query === "" ? path : `${path}?${query}`,
    path,
    // PATH_INFO is decoded already. Whoever takes a mount point off the raw path decodes what is left: this gives it back unchanged.
    rawPath: path.replaceAll("%", "%25"),
    query,
    protocol: "HTTP/1.1",
    scheme: scheme(vars, peer),
    scriptName: undefined,
    names,
    values,
    framing: framing(vars),
    // The proxy has answered it.
    expectsContinue: false,
    keepAlive: wantsKeepAlive(vars.get("HTTP_CONNECTION"), HTTP_1_1),
  };
}

function scheme(vars: Vars, peer: Peer): "http" | "https" {
  if (YES.has((vars.get("HTTPS") ?? "").toLowerCase())) return "https";
  const said = vars.get("wsgi.url_scheme") ?? (peer.secure ? "https" : "http");
  if (said !== "http" && said !== "https") throw invalidPacket(`wsgi.url_scheme is ${reprString(said)}`);
  return said;
}

/** Gunicorn takes a length that is no number for 0, and the body for the next packet: here it is refused. */
function framing(vars: Vars): BodyFraming {
  const value = vars.get("CONTENT_LENGTH") ?? "";
  // What nginx sends for a request without a body.
  if (value === "") return { kind: "none" };
  const bytes = parseContentLength(value);
  return bytes === 0 ? { kind: "none" } : { kind: "length", bytes };
}

/** `HTTP_*`, CONTENT_TYPE and CONTENT_LENGTH as header fields; `_` becomes `-`, the only spelling that WSGI can tell. */
function headers(vars: Vars): { names: HeaderName[]; values: string[] } {
  const names: HeaderName[] = [];
  const values: string[] = [];
  /** Where CONTENT_TYPE and CONTENT_LENGTH stand: nginx sends them twice, a second time as HTTP_*. */
  const bare = new Map<string, number>();
  for (const [key, value] of vars) {
    const name = nameOf(key);
    if (name === undefined) continue;
    const before = bare.get(name.environKey);
    if (before !== undefined) {
      values[before] = value;
      continue;
    }
    if (!name.environKey.startsWith(HTTP_PREFIX)) bare.set(name.environKey, names.length);
    names.push(name);
    values.push(value);
  }
  refuseTwoLengths(vars, values[bare.get("CONTENT_LENGTH") ?? -1] ?? "");
  return { names, values };
}

/** @returns The header that a variable is; undefined when it is none. */
function nameOf(key: string): HeaderName | undefined {
  const isHeader = key.startsWith(HTTP_PREFIX);
  if (!isHeader && key !== "CONTENT_TYPE" && key !== "CONTENT_LENGTH") return undefined;
  const spelling = (isHeader ? key.slice(HTTP_PREFIX.length) : key).replaceAll("_", "-");
  const name = headerName(spelling);
  if (name === undefined) throw invalidHeaderName(spelling);
  return name;
}

/** The application must not be told another length than the one its body has. */
function refuseTwoLengths(vars: Vars, told: string): void {
  const length = vars.get("CONTENT_LENGTH") ?? "";
  if (told === length) return;
  throw invalidPacket(`CONTENT_LENGTH is ${reprString(length)} and HTTP_CONTENT_LENGTH ${reprString(told)}`);
}
