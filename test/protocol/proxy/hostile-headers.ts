/** PROXY headers as an attacker, or a proxy with a defect, would write them: mostly sound, with something wrong here and there. */

import fc from "fast-check";
import { binaryHeader, IPV4_BLOCK, IPV6_BLOCK, SIGNATURE, tlv } from "./headers.ts";
import type { Case } from "./outcome.ts";

const REQUEST = "GET /behind HTTP/1.1\r\nHost: h\r\n\r\n";
const ADDRESSES = ["192.0.2.1", "198.51.100.2", "10.0.0.01", "1.2.3", "1.2.3.4.5", "256.1.1.1", "", "*", "localhost", "0.0.0.0"];
const ADDRESSES_6 = [
  "::",
  "::1",
  "2001:db8::A",
  "::ffff:192.0.2.1",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7::",
  "1::2::3",
  "fe80::1%lo",
  "12345::",
  ":1",
  "1:",
  "::1.2.3",
];
const PORTS = ["0", "1", "443", "65535", "65536", "-1", "+11", "8_0", "080", "", "x", "1.0", "443\t", "\xb2"];
const PROTOCOLS = ["TCP4", "TCP4", "TCP4", "TCP6", "TCP6", "UNKNOWN", "tcp4", "UDP4", "", "TCP"];
const WORDS = [...ADDRESSES, ...ADDRESSES_6, ...PORTS];
const ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "", " \r\n"];
const TLVS = ["", "", tlv(0x01, "h2"), tlv(0x03, "\0\0\0\0"), tlv(0x04, "\0".repeat(300)), "\x20\xff\xff", "\xff"];

/** Mostly one of the first so many. */
function usually(values: readonly string[], sound: number): fc.Arbitrary<string> {
  const some = values.slice(0, sound);
  return fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...some) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
}

const inet = fc.oneof(
  fc.tuple(fc.constant("TCP4"), usually(ADDRESSES, 2), usually(ADDRESSES, 2)),
  fc.tuple(fc.constant("TCP6"), usually(ADDRESSES_6, 6), usually(ADDRESSES_6, 6)),
);

const soundLine = fc
  .tuple(inet, usually(PORTS, 4), usually(PORTS, 4), usually(ENDS, 4))
  .map(([words, clientPort, proxyPort, end]) => `PROXY ${words.join(" ")} ${clientPort} ${proxyPort}${end}`);

const anyLine = fc
  .tuple(fc.constantFrom(...PROTOCOLS), fc.array(fc.constantFrom(...WORDS), { maxLength: 6 }), fc.nat(60), fc.constantFrom(...ENDS))
  .map(([protocol, words, blanks, end]) => `PROXY ${[protocol, ...words].join(" ")}${blanks > 50 ? " ".repeat(blanks) : ""}${end}`);

const oddByte = (sound: readonly number[]): fc.Arbitrary<number> =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...sound) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) });

const randomBytes = fc.uint8Array({ minLength: 36, maxLength: 36 }).map((bytes) => Buffer.from(bytes).latin1Slice());

const block = fc
  .tuple(
    oddByte([0x21, 0x21, 0x20]),
    oddByte([0x11, 0x11, 0x21, 0x21, 0x00, 0x01, 0x31, 0x12]),
    fc.oneof(fc.constantFrom(IPV4_BLOCK, IPV6_BLOCK, ""), randomBytes, sparse()),
    fc.constantFrom(...TLVS),
    fc.constantFrom(0, 0, 0, 0, 0, -1, 1, 5, 4000),
  )
  .map(([versionAndCommand, combination, addresses, tlvs, more]) => {
    const content = addresses + tlvs;
    return binaryHeader(versionAndCommand, combination, content, Math.max(0, content.length + more));
  });

/** Addresses with runs of zeros, whose text form has rules of its own. */
function sparse(): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom("\0\0", "\0\0", "\0\0", "\xff\xff", "\0\x01", "\x01\x02"), { minLength: 18, maxLength: 18 })
    .map((groups) => groups.join(""));
}

const noHeader = fc.constantFrom(
  "",
  "PROXY",
  "proxy TCP4 ",
  "PROXYX ",
  SIGNATURE.slice(0, 11),
  `${SIGNATURE.slice(0, 11)}X`,
  "\r\n",
  "\r\n\r\n",
  "X",
);

const header = fc.oneof(
  { weight: 3, arbitrary: soundLine },
  { weight: 2, arbitrary: anyLine },
  { weight: 5, arbitrary: block },
  { weight: 1, arbitrary: noHeader },
);

export const hostileHeader: fc.Arbitrary<Case> = fc.record({
  bytes: fc
    .tuple(header, fc.constantFrom(REQUEST, REQUEST, REQUEST, ""), fc.option(fc.nat(80), { freq: 10, nil: undefined }))
    .map(([start, behind, cut]) => (start + behind).slice(0, cut)),
  versions: fc.constantFrom("auto", "auto", "v1", "v2"),
  allowed: fc.constantFrom(true, true, true, true, true, true, false),
});
