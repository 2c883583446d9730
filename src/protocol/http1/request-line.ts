/**
 * The request line (RFC 9112 §3):
 *
 *     request-line   = method SP request-target SP HTTP-version
 *     request-target = origin-form / absolute-form / authority-form / asterisk-form
 *     HTTP-version   = "HTTP" "/" DIGIT "." DIGIT
 *
 * Checks and their order are Gunicorn's (protocols §1.2), so that a line with two faults gets the same answer.
 */

import { percentDecode } from "../../base/percent-decoding.ts";
import type { Http1Settings } from "./policy.ts";
import { invalidMethod, invalidRequestLine, malformedVersion, unsupportedVersion } from "./refusals.ts";
import { splitTarget } from "./target.ts";
import { TOKEN } from "./token.ts";

/** Versions as RequestLine counts them. */
export const HTTP_1_0 = 10;
export const HTTP_1_1 = 11;
export const HTTP_2 = 20;

/** A checked request line; the words are RequestHead's. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly rawPath: string;
  readonly path: string;
  readonly query: string;
  /** `"HTTP/1.1"` */
  readonly protocol: string;
  /** Major version times ten plus minor: 11 for HTTP/1.1. */
  readonly version: number;
}

type MethodSettings = Pick<Http1Settings, "permitUnconventionalHttpMethod" | "casefoldHttpMethod">;

/** Every registered method is in capitals and no shorter or longer. */
const CONVENTIONAL_METHOD = /^[^a-z#]{3,20}$/;
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
/** RFC 3986 §2: what is not printable ASCII must be percent-encoded. */
export const NOT_IN_TARGET = /[^\x21-\x7e]/;
const VERSION = /^HTTP\/([0-9])\.([0-9])$/;

/**
 * @param line  Latin-1, without its CRLF: `"GET / HTTP/1.1"`.
 * @throws {ProtocolError} `bad-request-line`, `bad-method`, `bad-version`.
 */
export function parseRequestLine(
  line: string,
  settings: MethodSettings & Pick<Http1Settings, "permitUnconventionalHttpVersion">,
): RequestLine {
  const methodEnd = line.indexOf(" ");
  const targetEnd = methodEnd < 0 ? -1 : line.indexOf(" ", methodEnd + 1);
  if (targetEnd < 0) throw invalidRequestLine(line);

  const method = checkedMethod(line.slice(0, methodEnd), settings);
  const target = line.slice(methodEnd + 1, targetEnd);
  if (NOT_IN_TARGET.test(target) || !hasAllowedForm(target, method)) throw invalidRequestLine(line);
  const parts = splitTarget(target);
  if (parts === undefined) throw invalidRequestLine(line);

  const protocol = line.slice(targetEnd + 1);
  const version = protocol === "HTTP/1.1" ? HTTP_1_1 : parseVersion(protocol, settings.permitUnconventionalHttpVersion);
  const { rawPath, query } = parts;
  return { method, target, rawPath, path: percentDecode(rawPath), query, protocol, version };
}

/**
 * Checks a method, which every protocol spells the same.
 *
 * @returns It, or with `casefold_http_method` its upper-case form.
 * @throws {ProtocolError} `bad-method`.
 */
export function checkedMethod(method: string, settings: MethodSettings): string {
  if (!settings.permitUnconventionalHttpMethod && !CONVENTIONAL_METHOD.test(method)) throw invalidMethod(method);
  if (!WHOLE_TOKEN.test(method)) throw invalidMethod(method);
  return settings.casefoldHttpMethod ? method.toUpperCase() : method;
}

/** Whether the target has a form that the method allows (RFC 9112 §3.2.3 and §3.2.4). */
function hasAllowedForm(target: string, method: string): boolean {
  if (target.startsWith("/")) return true;
  if (target === "*") return method === "OPTIONS";
  if (target === "") return false;
  return method === "CONNECT" || target.includes("://");
}

function parseVersion(protocol: string, unconventional: boolean): number {
  const match = VERSION.exec(protocol);
  if (match === null) throw malformedVersion(protocol);
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major !== 1 && !unconventional) throw unsupportedVersion(major, minor);
  return major * 10 + minor;
}
