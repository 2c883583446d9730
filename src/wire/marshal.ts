/**
 * Python's marshal format, as far as a request head needs it: text and dictionaries of text.
 *
 * Marshal is the fastest way to hand CPython a dict: one C call makes it, five times faster than JSON. Its
 * reader trusts lengths, so this writer is tested with arbitrary text against every supported Python.
 * Only types that all of CPython 3.10 to 3.14 read are used (Python/marshal.c: `z`, `a`, `u`, `Z`, `A`, `{`, `0`).
 *
 * All functions return latin-1 strings: one character for each byte. They are concatenated and written once.
 */

import { ownText } from "../base/own-text.ts";

const NON_ASCII = /[^\0-\x7f]/;
const SHORT_LENGTH_MAX = 255;

/** A dictionary's first byte; key, value, key, value ... and `DICT_END` follow. */
export const DICT_START = "{";
export const DICT_END = "0";

function uint32(value: number): string {
  return String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

/** One-byte lengths as text, made once: the hot path takes most strings from here. */
const SHORT_ASCII = Array.from({ length: SHORT_LENGTH_MAX + 1 }, (_, length) => `z${String.fromCharCode(length)}`);

/**
 * @param text  latin-1: every character below U+0100. Python gets a `str` with the same characters.
 */
export function marshalText(text: string): string {
  if (NON_ASCII.test(text)) {
    const utf8 = latin1ToUtf8(text);
    return `u${uint32(utf8.length)}${utf8}`;
  }
  if (text.length <= SHORT_LENGTH_MAX) return SHORT_ASCII[text.length] + text;
  return `a${uint32(text.length)}${text}`;
}

/**
 * A dictionary key: the same as `marshalText`, but interned by Python, so that the application's look-ups compare pointers.
 * CPython 3.12 and later never free an interned string: only for a bounded set of names, never for any name a client invents.
 *
 * @param name  ASCII only: environ keys are tokens (RFC 9110 §5.6.2).
 */
export function marshalKey(name: string): string {
  if (name.length <= SHORT_LENGTH_MAX) return `Z${String.fromCharCode(name.length)}${name}`;
  return `A${uint32(name.length)}${name}`;
}

/** UTF-8 bytes of latin-1 text, as latin-1 text: U+00E9 becomes U+00C3 U+00A9. */
function latin1ToUtf8(text: string): string {
  return Buffer.from(text, "utf8").latin1Slice();
}

export const NONE = "N";

/** @param bytes  latin-1 text, one character for each byte. Python gets `bytes`. */
export function marshalBytes(bytes: string): string {
  return `${bytes.length <= SHORT_LENGTH_MAX ? SHORT_BYTES[bytes.length] : `s${uint32(bytes.length)}`}${bytes}`;
}

const SHORT_BYTES = Array.from({ length: SHORT_LENGTH_MAX + 1 }, (_, length) => `s${uint32(length)}`);

/**
 * Something marshalled that a text or bytes always follow: a header's name, and its value. Together with the length of the value it is
 * one string, for as long as values of one length come: what is made of fewer pieces is put together in half the time [measured].
 */
export class ValuePrefix {
  readonly marshalled: string;
  readonly #kind: "text" | "bytes";
  #lastLength = -1;
  #withLength = "";

  /** @param kind  Of what follows. */
  constructor(marshalled: string, kind: "text" | "bytes") {
    this.marshalled = marshalled;
    this.#kind = kind;
  }

  /** @param value  latin-1 text, as for `marshalText` or `marshalBytes`. */
  followedBy(value: string): string {
    const isText = this.#kind === "text";
    if (value.length > SHORT_LENGTH_MAX || (isText && NON_ASCII.test(value))) {
      return this.marshalled + (isText ? marshalText(value) : marshalBytes(value));
    }
    const lengthAlone = (isText ? SHORT_ASCII : SHORT_BYTES)[value.length]!;
    if (value.length !== this.#lastLength) {
      this.#lastLength = value.length;
      this.#withLength = "";
      return this.marshalled + lengthAlone + value;
    }
    // Not the concatenation, which would stay two pieces.
    if (this.#withLength === "") this.#withLength = ownText(this.marshalled + lengthAlone);
    return this.#withLength + value;
  }
}

/** @param value  An integer that fits 32 bits with its sign. */
export function marshalInteger(value: number): string {
  return `i${uint32(value)}`;
}

/** A tuple's beginning; its items follow. @param items  At most 255. */
export function marshalTuple(items: number): string {
  return `)${String.fromCharCode(items)}`;
}

/** A list's beginning; its items follow. */
export function startList(items: number): string {
  return `[${uint32(items)}`;
}

/**
 * @param bytes  latin-1 text, one character for each byte. Python gets the `str` that these bytes are in UTF-8, with U+FFFD for
 *               what is none, as `bytes.decode("utf-8", "replace")` makes it.
 */
export function marshalUtf8(bytes: string): string {
  if (!NON_ASCII.test(bytes)) return marshalText(bytes);
  const utf8 = Buffer.from(Buffer.from(bytes, "latin1").toString("utf8"), "utf8").latin1Slice();
  return `u${uint32(utf8.length)}${utf8}`;
}
