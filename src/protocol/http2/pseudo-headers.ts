/** The pseudo-headers of a request (RFC 9113 §8.3.1, RFC 8441 §4): first in the block, each once, and those that its method needs. */

import type { HpackField } from "../hpack/field.ts";

export interface PseudoHeaders {
  method: string;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
  /** Where the other fields begin. */
  count: number;
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
/** RFC 3986 §3.2: printable, without userinfo, which must not be sent (RFC 9113 §8.3.1), and without what would end it early for somebody else. */
const AUTHORITY = /^(?:(?![@/?#\\])[!-~])+$/;

/** @returns The pseudo-headers, or what is wrong with them. */
export function readPseudoHeaders(fields: readonly HpackField[], extendedConnect: boolean): PseudoHeaders | string {
  const pseudo: PseudoHeaders = { method: "", scheme: undefined, authority: undefined, path: undefined, protocol: undefined, count: 0 };
  for (const field of fields) {
    const { kind } = field.name;
    if (kind !== "method" && kind !== "scheme" && kind !== "authority" && kind !== "path" && kind !== "protocol") break;
    if (pseudo[kind] !== undefined && pseudo[kind] !== "") return `${field.name.text} sent twice`;
    // An empty one would pass for a missing one above.
    if (field.value === "") return `${field.name.text} is empty`;
    if (!field.sound) return `${field.name.text} holds a control character`;
    pseudo[kind] = field.value;
    pseudo.count += 1;
  }
  return whatIsWrong(pseudo, extendedConnect) ?? pseudo;
}

function whatIsWrong({ method, scheme, authority, path, protocol }: PseudoHeaders, extendedConnect: boolean): string | undefined {
  if (method === "") return "no :method";
  if (authority !== undefined && !AUTHORITY.test(authority)) return ":authority is none";
  if (scheme !== undefined && !SCHEME.test(scheme)) return ":scheme is none";
  if (protocol !== undefined && (!extendedConnect || method !== "CONNECT")) return ":protocol is not allowed";
  if (method === "CONNECT" && authority === undefined) return "CONNECT without :authority";
  if (method === "CONNECT" && protocol === undefined) {
    return scheme === undefined && path === undefined ? undefined : "CONNECT with :scheme or :path";
  }
  if (scheme === undefined) return "no :scheme";
  return path === undefined ? "no :path" : undefined;
}
