/** The atoms of the access log: where each `%(name)` of an access_log_format finds its value (Gunicorn's glogging.Logger.atoms). */

import { percentDecode } from "../base/percent-decoding.ts";
import type { RequestHead } from "../request/request-head.ts";

/** One finished exchange, as the access log sees it. */
export interface AccessRecord {
  readonly head: RequestHead;
  /** Final status code: `200`. */
  readonly status: number;
  /** Bytes of the response's body that were sent, framing not counted. */
  readonly bodyBytes: number;
  /** From the head's last byte to the response's last byte, microseconds. */
  readonly durationUs: number;
  /** The application's field lines: `"Content-Type: text/plain\r\n"`; `""` when the gateway answered by itself. */
  readonly responseFieldLines: string;
  /** Process that ran the application; the gateway's own where none did. */
  readonly workerPid: number;
  /** End of the response, wall clock, milliseconds since 1970. */
  readonly finishedMs: number;
  /** Monotonic milliseconds; `startedMs` when a worker took it, undefined where none did or nobody asked. */
  readonly arrivedMs?: number;
  readonly startedMs?: number | undefined;
  /** Of the worker. */
  readonly generation?: number | undefined;
}

/**
 * Environ variables that are the same for every request, by their name in the log format, lower case:
 * `{"server_software": "gunicorn/27.0.1", "wsgi.multiprocess": "True"}`. `script_name` is the mount prefix.
 */
export type EnvironConstants = Readonly<Record<string, string>>;

/** How one atom is read. Its type decides which conversions it can have. */
export type Atom =
  | { readonly type: "text"; readonly read: (record: AccessRecord) => string }
  | { readonly type: "integer"; readonly read: (record: AccessRecord) => number };

/** What stands for a value that is not there. */
const ABSENT = "-";

/**
 * Finds the atom of a name, as it stands between the parentheses of `%(name)s`.
 *
 * @param name       `"h"`, `"{x-forwarded-for}i"`, `"{content-type}o"`, `"{raw_uri}e"`. Unknown names read `"-"`.
 * @param constants  See `EnvironConstants`.
 */
export function accessLogAtom(name: string, constants: EnvironConstants): Atom {
  if (name.startsWith("{")) return fieldAtom(name.toLowerCase(), constants);
  const make = Object.hasOwn(PLAIN_ATOMS, name) ? PLAIN_ATOMS[name] : undefined;
  return make === undefined ? text(() => ABSENT) : make(constants);
}

const text = (read: (record: AccessRecord) => string): Atom => ({ type: "text", read });
const integer = (read: (record: AccessRecord) => number): Atom => ({ type: "integer", read });

const PLAIN_ATOMS: Readonly<Record<string, (constants: EnvironConstants) => Atom>> = {
  h: () => text(({ head }) => head.peer.remoteAddress),
  l: () => text(() => ABSENT),
  u: () => text(({ head }) => basicUser(joinedField(head, "HTTP_AUTHORIZATION")) || ABSENT),
  t: () => text(clockText()),
  r: () => text(({ head }) => `${head.method} ${head.target} ${head.protocol}`),
  s: () => text(({ status }) => String(status)),
  m: () => text(({ head }) => head.method),
  U: (constants) => text(({ head }) => pathInfo(head, constants)),
  q: () => text(({ head }) => head.query),
  H: () => text(({ head }) => head.protocol),
  b: () => text(({ bodyBytes }) => String(bodyBytes)),
  B: () => integer(({ bodyBytes }) => bodyBytes),
  f: () => text(({ head }) => joinedField(head, "HTTP_REFERER") ?? ABSENT),
  a: () => text(({ head }) => joinedField(head, "HTTP_USER_AGENT") ?? ABSENT),
  T: () => integer(({ durationUs }) => Math.floor(durationUs / 1e6)),
  M: () => integer(({ durationUs }) => Math.floor(durationUs / 1e3)),
  D: () => integer(({ durationUs }) => Math.floor(durationUs)),
  L: () => text(({ durationUs }) => `${Math.floor(durationUs / 1e6)}.${String(Math.floor(durationUs % 1e6)).padStart(6, "0")}`),
  p: () => text(({ workerPid }) => `<${workerPid}>`),
};

/** @param name  Lower case, `"{referer}i"`. */
function fieldAtom(name: string, constants: EnvironConstants): Atom {
  const field = name.slice(1, -2);
  switch (name.slice(-2)) {
    case "}i":
      return text(({ head }) => lastRequestField(head, field) ?? ABSENT);
    case "}o":
      return text(({ responseFieldLines }) => lastResponseField(responseFieldLines, field) ?? ABSENT);
    case "}e":
      return environAtom(field, constants);
    default:
      return text(() => ABSENT);
  }
}

/** The WSGI environ is never built in the gateway: what the format names is derived from the head. */
function environAtom(key: string, constants: EnvironConstants): Atom {
  const make = Object.hasOwn(ENVIRON_ATOMS, key) ? ENVIRON_ATOMS[key] : undefined;
  if (make !== undefined) return make(constants);
  const constant = Object.hasOwn(constants, key) ? constants[key] : undefined;
  if (constant !== undefined) return text(() => constant);
  if (key.startsWith("http_") || key === "content_type" || key === "content_length") {
    const environKey = key.toUpperCase();
    return text(({ head }) => joinedField(head, environKey) ?? ABSENT);
  }
  return text(() => ABSENT);
}

const ENVIRON_ATOMS: Readonly<Record<string, (constants: EnvironConstants) => Atom>> = {
  request_method: () => text(({ head }) => head.method),
  query_string: () => text(({ head }) => head.query),
  raw_uri: () => text(({ head }) => head.target),
  server_protocol: () => text(({ head }) => head.protocol),
  script_name: (constants) => text(({ head }) => scriptName(head, constants)),
  path_info: (constants) => text(({ head }) => pathInfo(head, constants)),
  remote_addr: () => text(({ head }) => head.peer.remoteAddress),
  remote_port: () => text(({ head }) => String(head.peer.remotePort ?? ABSENT)),
  proxy_protocol: () => text(({ head }) => head.peer.proxy?.protocol ?? ABSENT),
  proxy_addr: () => text(({ head }) => head.peer.proxy?.addresses?.proxyAddress ?? ABSENT),
  proxy_port: () => text(({ head }) => String(head.peer.proxy?.addresses?.proxyPort ?? ABSENT)),
  server_name: () => text(({ head }) => serverAddress(head)[0]),
  server_port: () => text(({ head }) => serverAddress(head)[1]),
  "wsgi.url_scheme": () => text(({ head }) => head.scheme),
  "wsgi.version": () => text(() => "(1, 0)"),
  "wsgi.run_once": () => text(() => "False"),
  "wsgi.input_terminated": () => text(() => "True"),
};

/** Repeated fields joined as in the environ: with `,` and no blank. */
function joinedField(head: RequestHead, environKey: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < head.names.length; i++) {
    if (head.names[i]!.environKey !== environKey) continue;
    joined = joined === undefined ? head.values[i]! : `${joined},${head.values[i]!}`;
  }
  return joined;
}

/** Of repeated fields the last one: Gunicorn's `{name}i` is a dict filled in order. */
function lastRequestField(head: RequestHead, lower: string): string | undefined {
  for (let i = head.names.length - 1; i >= 0; i--) {
    if (head.names[i]!.lower === lower) return head.values[i]!;
  }
  return undefined;
}

/** @param fieldLines  `"Content-Type: text/plain\r\nX: 1\r\n"` */
function lastResponseField(fieldLines: string, lower: string): string | undefined {
  let value: string | undefined;
  for (const line of fieldLines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon === lower.length && line.slice(0, colon).toLowerCase() === lower)
      value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  }
  return value;
}

function scriptName(head: RequestHead, constants: EnvironConstants): string {
  return head.scriptName ?? constants.script_name ?? "";
}

/** PATH_INFO: the mount prefix is removed before decoding (protocols §4). */
function pathInfo(head: RequestHead, constants: EnvironConstants): string {
  const prefix = scriptName(head, constants);
  if (prefix === "") return head.path;
  const raw = head.rawPath.startsWith(prefix) ? head.rawPath.slice(prefix.length) : head.rawPath;
  return percentDecode(raw);
}

/** SERVER_NAME and SERVER_PORT: the listener's; on a unix socket the Host field's, as far as there is one. */
function serverAddress(head: RequestHead): readonly [name: string, port: string] {
  const { serverName, serverPort } = head.peer;
  if (serverPort !== undefined) return [serverName, String(serverPort)];
  const host = lastRequestField(head, "host");
  if (host === undefined) return [serverName, ""];
  const [name = "", port = head.scheme === "https" ? "443" : "80"] = host.split(":");
  return [name, port];
}

/** strict: a name that is not UTF-8 is no name; a byte order mark is part of it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The user of an `Authorization: Basic` field (RFC 7617 §2), as Gunicorn reads it.
 *
 * @returns undefined when there is none or it cannot be decoded; may be `""`.
 */
function basicUser(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^basic/i.test(authorization)) return undefined;
  const space = authorization.indexOf(" ");
  const base64 = space === -1 ? undefined : completeBase64(authorization.slice(space + 1));
  if (base64 === undefined) return undefined;
  const credentials = Buffer.from(base64, "base64");
  const colon = credentials.indexOf(":");
  try {
    return utf8.decode(colon === -1 ? credentials : credentials.subarray(0, colon));
  } catch {
    return undefined;
  }
}

/**
 * What Python's b64decode would decode: foreign characters are skipped, everything after complete padding is ignored.
 *
 * @returns undefined where Python raises binascii.Error: the last group of four is not complete.
 */
function completeBase64(encoded: string): string | undefined {
  let kept = "";
  let padding = 0;
  for (const character of encoded) {
    if (character === "=") {
      padding++;
      const inGroup = kept.length % 4;
      if (inGroup >= 2 && inGroup + padding >= 4) return kept;
    } else if (/[A-Za-z0-9+/]/.test(character)) {
      kept += character;
      padding = 0;
    }
  }
  return kept.length % 4 === 0 ? kept : undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Makes a reader of `%(t)s` that formats once per second: under load thousands of lines share one text. */
function clockText(): (record: AccessRecord) => string {
  let second = Number.NaN;
  let formatted = "";
  return ({ finishedMs }) => {
    const now = Math.floor(finishedMs / 1000);
    if (now !== second) {
      second = now;
      formatted = commonLogTime(now);
    }
    return formatted;
  };
}

/** @returns `"[20/Nov/2026:18:07:04 +0000]"`, local time, as strftime `[%d/%b/%Y:%H:%M:%S %z]`. */
function commonLogTime(second: number): string {
  const at = new Date(second * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const east = -at.getTimezoneOffset();
  const zone = `${east < 0 ? "-" : "+"}${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`;
  const date = `${two(at.getDate())}/${MONTHS[at.getMonth()]!}/${at.getFullYear()}`;
  return `[${date}:${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}]`;
}
