/**
 * Header names, interned: a name that was checked once is found again by one map look-up.
 *
 * Clients send the same forty names over and over; checking the token grammar, upper-casing and building the
 * environ key again for each request would be the parser's largest cost.
 */

/** One checked header name in the spellings that its readers need. */
export interface HeaderName {
  /** `"content-type"`: ASGI, HTTP/2, comparisons. */
  readonly lower: string;
  /** `"CONTENT-TYPE"`: Gunicorn's messages. */
  readonly upper: string;
  /** `"CONTENT_TYPE"`, `"HTTP_X_FORWARDED_FOR"`: the WSGI environ key (PEP 3333, RFC 3875 §4.1.18). */
  readonly environKey: string;
  /** The name holds `_`, so that it may collide with its dashed twin (`header_map`). */
  readonly underscored: boolean;
}

/**
 * Spellings as received that are kept. When so many are known, all are forgotten: a client that invents names must
 * neither grow the gateway nor, by filling the table once, make everybody's requests dear for ever.
 */
const INTERNED_NAMES_MAX = 2048;
/** Longer names are never kept, so that the table's bytes are bounded too. */
const INTERNED_NAME_BYTES_MAX = 64;

const interned = new Map<string, HeaderName>();

/** RFC 9110 §5.6.2 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Looks a header name up by its spelling on the wire.
 *
 * @param spelling  `"Content-Type"`
 * @returns         The name, or undefined when the spelling is not a token (RFC 9110 §5.1).
 */
export function headerName(spelling: string): HeaderName | undefined {
  const known = interned.get(spelling);
  if (known !== undefined) return known;
  if (!TOKEN.test(spelling)) return undefined;
  if (spelling.length > INTERNED_NAME_BYTES_MAX) return makeName(spelling);
  if (interned.size >= INTERNED_NAMES_MAX) interned.clear();
  // A copy of its own: the spelling is a slice that would keep the whole head it was cut from in memory.
  const own = Buffer.from(spelling, "latin1").latin1Slice();
  const name = makeName(own);
  interned.set(own, name);
  return name;
}

function makeName(spelling: string): HeaderName {
  const upper = spelling.toUpperCase();
  const bare = upper === "CONTENT-TYPE" || upper === "CONTENT-LENGTH";
  const key = upper.replaceAll("-", "_");
  return {
    lower: spelling.toLowerCase(),
    upper,
    environKey: bare ? key : `HTTP_${key}`,
    underscored: spelling.includes("_"),
  };
}
