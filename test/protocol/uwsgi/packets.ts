/** uWSGI packets as a proxy writes them, and as one that is broken or hostile does. */

import fc from "fast-check";

const WORD_MAX = 0xffff;

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([word(value.length), Buffer.from(value, "latin1")]);
}

/** The variables' block. @param entries  Latin-1 keys and values, in order; a key may come twice. */
export function varsBlock(entries: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(entries.flatMap(([key, value]) => [text(key), text(value)]));
}

/** A whole packet; the body follows as it is. */
export function packetOf(entries: readonly (readonly [string, string])[], body = "", modifier1 = 0, modifier2 = 0): Buffer {
  const block = varsBlock(entries);
  return Buffer.concat([Buffer.of(modifier1), word(block.length), Buffer.of(modifier2), block, Buffer.from(body, "latin1")]);
}

/** A packet as latin-1 text, for clients that send text. */
export function packetText(vars: Readonly<Record<string, string>>, body = ""): string {
  return packetOf(Object.entries(vars), body).latin1Slice();
}

// --- generated -------------------------------------------------------------------------------------------------------

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 12 });
const KEYS = [
  "REQUEST_METHOD",
  "PATH_INFO",
  "QUERY_STRING",
  "REQUEST_URI",
  "HTTPS",
  "wsgi.url_scheme",
  "SCRIPT_NAME",
  "SERVER_PROTOCOL",
  "REMOTE_ADDR",
  "CONTENT_TYPE",
  "HTTP_CONTENT_TYPE",
  "HTTP_HOST",
  "HTTP_X_FORWARDED_FOR",
  "HTTP_X-FORWARDED_FOR",
  "HTTP_TRANSFER_ENCODING",
  "HTTP_EXPECT",
  "HTTP_SCRIPT_NAME",
  "",
  "http_host",
];
const VALUES = [
  "",
  "/",
  "GET",
  "HEAD",
  "on",
  "OFF",
  "True",
  "1",
  "http",
  "https",
  "/a%20b",
  "/\xc3\xa9",
  "a=1&b",
  "100-continue",
  "chunked",
];
const LENGTHS = ["", "0", "3", "5", "99"];
const CONNECTIONS = ["close", "keep-alive", "Close", "upgrade", ""];

const known = fc.tuple(fc.constantFrom(...KEYS), fc.oneof(fc.constantFrom(...VALUES), latin1));
const connection = fc.tuple(fc.constant("HTTP_CONNECTION"), fc.constantFrom(...CONNECTIONS));
const entries = fc.array(fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: connection }), { maxLength: 8 });

/** A sound packet: with a length or without, sent twice as nginx does, or once. */
const soundPacket = fc
  .tuple(
    entries,
    fc.option(fc.constantFrom(...LENGTHS), { nil: undefined }),
    fc.boolean(),
    fc.constantFrom("", "abc", "abcde"),
    fc.nat(255),
  )
  .map(([vars, length, twice, body, modifier2]) => {
    const lengths: [string, string][] = length === undefined ? [] : [["CONTENT_LENGTH", length]];
    if (length !== undefined && length !== "" && twice) lengths.push(["HTTP_CONTENT_LENGTH", length]);
    return packetOf([...vars, ...lengths], length === "3" ? "abc" : length === "5" ? "abcde" : body, 0, modifier2);
  });

/** Bytes with one thing wrong: cut off, one byte changed, another modifier, or no packet at all. */
const brokenPacket = fc.oneof(
  fc.tuple(soundPacket, fc.nat(200)).map(([bytes, at]) => bytes.subarray(0, at % (bytes.length + 1))),
  fc.tuple(soundPacket, fc.nat(200), fc.nat(255)).map(([bytes, at, value]) => {
    const copy = Buffer.from(bytes);
    copy[at % copy.length] = value;
    return copy;
  }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(WORD_MAX).map((size) => Buffer.concat([Buffer.of(0), word(size), Buffer.of(0)])),
);

/** A connection's bytes: one to three packets, mostly sound. */
export const connectionBytes: fc.Arbitrary<Buffer> = fc
  .array(fc.oneof({ weight: 4, arbitrary: soundPacket }, { weight: 1, arbitrary: brokenPacket }), { minLength: 1, maxLength: 3 })
  .map((packets) => Buffer.concat(packets));
