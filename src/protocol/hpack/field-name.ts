/**
 * Names of fields in HTTP/2, with what each means there (RFC 9113 §8.2 and §8.3), worked out once for each name:
 *
 *     field-name = 1*( tchar without upper case ) / pseudo-header
 */

import { type HeaderName, headerName } from "../../request/header-name.ts";

/** What a field of this name is to a request. */
export type FieldKind =
  | "method"
  | "scheme"
  | "authority"
  | "path"
  | "protocol"
  /** Belongs to one connection of HTTP/1 and makes a message malformed here. */
  | "connection-specific"
  | "te"
  | "cookie"
  | "host"
  | "regular"
  /** Not a lower-case token, or a pseudo-header that no request has. */
  | "malformed";

export interface FieldName {
  readonly text: string;
  readonly kind: FieldKind;
  /** Undefined for pseudo-headers and malformed names. */
  readonly header: HeaderName | undefined;
}

const KINDS: ReadonlyMap<string, FieldKind> = new Map([
  [":method", "method"],
  [":scheme", "scheme"],
  [":authority", "authority"],
  [":path", "path"],
  [":protocol", "protocol"],
  ["te", "te"],
  ["cookie", "cookie"],
  ["host", "host"],
  ["connection", "connection-specific"],
  ["proxy-connection", "connection-specific"],
  ["keep-alive", "connection-specific"],
  ["transfer-encoding", "connection-specific"],
  ["upgrade", "connection-specific"],
]);

/** Names that are kept. When so many are known all are forgotten, as with `headerName`: invented names must not grow the gateway. */
const INTERNED_NAMES_MAX = 2048;
/** Longer names are not kept, so that the table's bytes are bounded too. */
const INTERNED_NAME_BYTES_MAX = 64;

const interned = new Map<string, FieldName>();

/** @param text  As decoded; a string of its own, not a slice of a longer one. */
export function fieldName(text: string): FieldName {
  const known = interned.get(text);
  if (known !== undefined) return known;
  const name = makeName(text);
  if (text.length > INTERNED_NAME_BYTES_MAX) return name;
  if (interned.size >= INTERNED_NAMES_MAX) interned.clear();
  interned.set(text, name);
  return name;
}

function makeName(text: string): FieldName {
  const header = /[A-Z]/.test(text) ? undefined : headerName(text);
  const kind = KINDS.get(text) ?? (header === undefined ? "malformed" : "regular");
  return { text, kind, header };
}
