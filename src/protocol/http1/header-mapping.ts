import type { HeaderName } from "../../request/header-name.ts";
import type { Http1Settings } from "./policy.ts";
import { invalidHeaderName } from "./refusals.ts";

/** Lists that an untrusted peer, or a trailer, is held against. */
export const NO_FORWARDERS: ReadonlySet<string> = new Set();
export const NO_SCHEME_HEADERS: ReadonlyMap<string, string> = new Map();

/**
 * Decides about a name with `_`. In WSGI `X_Forwarded_For` and `X-Forwarded-For` are one key, so a client could slip
 * its own value past a proxy that only replaces the dashed one.
 *
 * @param forwarders  Names that this peer may send all the same, upper case.
 * @returns           false when the field is to be dropped.
 * @throws {ProtocolError} `bad-header-name` under `header_map=refuse`.
 */
export function keepsUnderscored(name: HeaderName, forwarders: ReadonlySet<string> | "*", headerMap: Http1Settings["headerMap"]): boolean {
  if (forwarders === "*" || forwarders.has(name.upper)) return true;
  if (headerMap === "refuse") throw invalidHeaderName(name.upper);
  return headerMap === "dangerous";
}
