/**
 * Header names, interned: a name that was checked once is found again by one map look-up.
 *
 * Clients send the same forty names over and over; checking the token grammar, upper-casing and building the
 * environ key again for each request would be the parser's largest cost.
 */

import { ownText } from "../base/own-text.ts";

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

class Name implements HeaderName {
  readonly lower: string;
  readonly upper: string;
  readonly environKey: string;
  readonly underscored: boolean;
  readonly #spelling: string;
  /**
   * Where `followers` has the name that came behind this one. Not that name itself: were names to lead to one another, one that somebody
   * keeps would keep all that clients have ever invented behind it.
   */
  readonly #place: number;

  /** @param place  How many names were kept before it; those that are not kept share the last place. */
  constructor(spelling: string, place: number) {
    this.lower = spelling.toLowerCase();
    this.upper = spelling.toUpperCase();
    const key = this.upper.replaceAll("-", "_");
    this.environKey = this.upper === "CONTENT-TYPE" || this.upper === "CONTENT-LENGTH" ? key : `HTTP_${key}`;
    this.underscored = spelling.includes("_");
    this.#spelling = spelling;
    this.#place = place;
  }

  /** @returns the name that came behind this one last, if it is spelt so. */
  follower(spelling: string): Name | undefined {
    const follower = followers[this.#place];
    return follower !== undefined && follower.#spelling === spelling ? follower : undefined;
  }

  isFollowedBy(name: Name): void {
    followers[this.#place] = name;
  }
}

const interned = new Map<string, Name>();
/** By the place of a name: the one that came behind it last. */
const followers = new Array<Name | undefined>(INTERNED_NAMES_MAX + 1).fill(undefined);

/** RFC 9110 §5.6.2 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Looks a header name up by its spelling on the wire.
 *
 * @param spelling  `"Content-Type"`
 * @returns         The name, or undefined when the spelling is not a token (RFC 9110 §5.1).
 */
export function headerName(spelling: string): HeaderName | undefined {
  return internedName(spelling) ?? passingName(spelling);
}

/**
 * The same for one name of a list. Clients send their fields in one order, so the name that came behind the same one last time is
 * tried first: to compare it costs a third of a look-up [measured].
 *
 * @param before  The name that stands before it in the list.
 */
export function headerNameBehind(before: HeaderName | undefined, spelling: string): HeaderName | undefined {
  if (!(before instanceof Name)) return headerName(spelling);
  const follower = before.follower(spelling);
  if (follower !== undefined) return follower;
  const name = internedName(spelling);
  if (name === undefined) return passingName(spelling);
  before.isFollowedBy(name);
  return name;
}

/** A name that is not kept. @returns undefined for what is no token. */
function passingName(spelling: string): Name | undefined {
  return TOKEN.test(spelling) ? new Name(spelling, INTERNED_NAMES_MAX) : undefined;
}

/** @returns undefined for what is no token, or too long to be kept. */
function internedName(spelling: string): Name | undefined {
  const known = interned.get(spelling);
  if (known !== undefined) return known;
  if (spelling.length > INTERNED_NAME_BYTES_MAX || !TOKEN.test(spelling)) return undefined;
  if (interned.size >= INTERNED_NAMES_MAX) {
    interned.clear();
    followers.fill(undefined);
  }
  // A copy of its own: the spelling is a slice that would keep the whole head it was cut from in memory.
  const own = ownText(spelling);
  const name = new Name(own, interned.size);
  interned.set(own, name);
  return name;
}
