import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ProxyHeaderReader } from "../../../src/protocol/proxy/header-reader.ts";
import { LINE_BYTES_MAX } from "../../../src/protocol/proxy/text-line.ts";
import { binaryHeader, IPV4_BLOCK, IPV6_BLOCK, SIGNATURE, tlv } from "./headers.ts";
import { hostileHeader } from "./hostile-headers.ts";
import { type Case, type Outcome, outcomeOf, STRANGER } from "./outcome.ts";

const LINE = "PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\r\n";
const BLOCK = binaryHeader(0x21, 0x11, IPV4_BLOCK);
const REQUEST = "GET / HTTP/1.1\r\n\r\n";
const IPV4 = { clientAddress: "192.0.2.1", clientPort: 40001, proxyAddress: "198.51.100.2", proxyPort: 443 };
const IPV6 = { ...IPV4, clientAddress: "2001:db8::1", proxyAddress: "2001:db8::2" };

const header = (protocol: string, addresses: typeof IPV4 | undefined, rest = REQUEST.length): object => ({
  at: "header",
  header: { protocol, addresses },
  rest,
});
const absent = (bytes: string): object => ({ at: "absent", rest: bytes.length });
const TOO_LONG = { at: "refused", message: "Invalid PROXY line: 'PROXY v1 header too long'" };
const FORBIDDEN = { at: "refused", message: `Proxy request from '${STRANGER}' not allowed` };
const unknown = (length: number): string => `${"PROXY UNKNOWN".padEnd(length - 2)}\r\n`;

const CASES: readonly (Partial<Case> & { name: string; bytes: string; outcome: object })[] = [
  { name: "a line", bytes: LINE + REQUEST, outcome: header("TCP4", IPV4) },
  { name: "a line and nothing behind it", bytes: LINE, outcome: header("TCP4", IPV4, 0) },
  { name: "a line, v1", bytes: LINE + REQUEST, versions: "v1", outcome: header("TCP4", IPV4) },
  { name: "a line, v2", bytes: LINE + REQUEST, versions: "v2", outcome: absent(LINE + REQUEST) },
  { name: "an unknown line", bytes: unknown(15) + REQUEST, outcome: header("UNKNOWN", undefined) },
  { name: "a line of 107 bytes", bytes: unknown(LINE_BYTES_MAX) + REQUEST, outcome: header("UNKNOWN", undefined) },
  { name: "a line of 108 bytes", bytes: unknown(LINE_BYTES_MAX + 1) + REQUEST, outcome: TOO_LONG },
  { name: "a line of 106 bytes without an end", bytes: "PROXY TCP4".padEnd(106, "x"), outcome: { at: "more" } },
  { name: "a line of 107 bytes without an end", bytes: "PROXY TCP4".padEnd(107, "x"), outcome: TOO_LONG },
  {
    name: "a line that ends in a bare LF",
    bytes: `${LINE.slice(0, -2)}\n${REQUEST.padEnd(200)}`,
    outcome: {
      at: "refused",
      message: String.raw`Invalid PROXY line: 'PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\nGET / HTTP/1.1'`,
    },
  },
  { name: "a line cut before its LF", bytes: LINE.slice(0, -1), outcome: { at: "more" } },
  { name: "a block", bytes: BLOCK + REQUEST, outcome: header("TCP4", IPV4) },
  { name: "a block, v2", bytes: BLOCK + REQUEST, versions: "v2", outcome: header("TCP4", IPV4) },
  { name: "a block, v1", bytes: BLOCK + REQUEST, versions: "v1", outcome: absent(BLOCK + REQUEST) },
  { name: "a block of IPv6", bytes: binaryHeader(0x21, 0x21, IPV6_BLOCK) + REQUEST, outcome: header("TCP6", IPV6) },
  {
    name: "a block with TLVs",
    bytes: binaryHeader(0x21, 0x11, IPV4_BLOCK + tlv(0x02, "host") + tlv(0x03, "\x01\x02\x03\x04") + tlv(0xea, "\x01vpce-1")) + REQUEST,
    outcome: header("TCP4", IPV4),
  },
  {
    name: "a block with bytes that are no TLVs",
    bytes: binaryHeader(0x21, 0x11, `${IPV4_BLOCK}\xff`) + REQUEST,
    outcome: header("TCP4", IPV4),
  },
  {
    name: "the longest block",
    bytes: binaryHeader(0x21, 0x11, IPV4_BLOCK.padEnd(65535, "\x04")) + REQUEST,
    outcome: header("TCP4", IPV4),
  },
  { name: "the longest block less a byte", bytes: binaryHeader(0x21, 0x11, IPV4_BLOCK.padEnd(65534), 65535), outcome: { at: "more" } },
  { name: "a health check", bytes: binaryHeader(0x20, 0x00, "") + REQUEST, outcome: header("LOCAL", undefined) },
  { name: "a health check with a block", bytes: binaryHeader(0x20, 0x11, IPV4_BLOCK) + REQUEST, outcome: header("LOCAL", undefined) },
  { name: "no header", bytes: REQUEST, outcome: absent(REQUEST) },
  { name: "one byte that begins none", bytes: "G", outcome: absent("G") },
  { name: "an empty line before a request", bytes: `\r\n${REQUEST}`, outcome: absent(`\r\n${REQUEST}`) },
  { name: "a method that begins like a header", bytes: "PROXYFIND / HTTP/1.1\r\n", outcome: absent("PROXYFIND / HTTP/1.1\r\n") },
  { name: "lower case", bytes: LINE.toLowerCase(), outcome: absent(LINE) },
  { name: "a signature with its last byte wrong", bytes: `${SIGNATURE.slice(0, -1)}\r${REQUEST}`, outcome: absent(SIGNATURE + REQUEST) },
  { name: "nothing", bytes: "", outcome: { at: "more" } },
  { name: "the beginning of a line", bytes: "PROX", outcome: { at: "more" } },
  { name: "a stranger's beginning of a line", bytes: "PROXY", allowed: false, outcome: { at: "more" } },
  { name: "a stranger's line", bytes: LINE, allowed: false, outcome: FORBIDDEN },
  { name: "a stranger's broken line", bytes: "PROXY \r\n", allowed: false, outcome: FORBIDDEN },
  { name: "a stranger's signature", bytes: SIGNATURE, allowed: false, outcome: FORBIDDEN },
  { name: "a stranger without a header", bytes: REQUEST, allowed: false, outcome: absent(REQUEST) },
  { name: "a stranger's line, v2", bytes: LINE, versions: "v2", allowed: false, outcome: absent(LINE) },
  { name: "two headers: the second is not ours", bytes: LINE + LINE, outcome: header("TCP4", IPV4, LINE.length) },
];

for (const { name, bytes, versions = "auto", allowed = true, outcome } of CASES) {
  test(`${name}: the same whole, byte by byte and cut anywhere once`, () => {
    const one: Case = { bytes, versions, allowed };
    assert.deepEqual(outcomeOf(one), outcome);
    assert.deepEqual(outcomeOf(one, [...Buffer.from(bytes, "latin1").keys()]), outcome);
    for (let cut = 0; cut < Math.min(bytes.length, 200); cut++) assert.deepEqual(outcomeOf(one, [cut]), outcome, `cut at ${cut}`);
  });
}

test("whatever comes, however it is cut: the same outcome", () => {
  fc.assert(
    fc.property(hostileHeader, fc.array(fc.nat(260)), (one, cuts) => {
      const inside = cuts.filter((cut) => cut < one.bytes.length);
      assert.deepEqual(outcomeOf(one, inside), outcomeOf(one));
    }),
    { numRuns: 1000 },
  );
});

test("a sound line says what it was made of", () => {
  const address = fc.oneof(fc.tuple(fc.constant("TCP4"), fc.ipV4(), fc.ipV4()), fc.tuple(fc.constant("TCP6"), fc.ipV6(), fc.ipV6()));
  const port = fc.integer({ min: 0, max: 65535 });
  fc.assert(
    fc.property(address, port, port, fc.string(), ([protocol, clientAddress, proxyAddress], clientPort, proxyPort, behind) => {
      const line = `PROXY ${protocol} ${clientAddress} ${proxyAddress} ${clientPort} ${proxyPort}\r\n`;
      fc.pre(line.length <= LINE_BYTES_MAX);
      const bytes = Buffer.from(line + behind, "utf8").latin1Slice();
      const expected: unknown = {
        at: "header",
        header: { protocol, addresses: { clientAddress, clientPort, proxyAddress, proxyPort } },
        rest: bytes.length - line.length,
      };
      assert.deepEqual(outcomeOf({ bytes, versions: "v1", allowed: true }), expected as Outcome);
    }),
  );
});

test("it has started with the first byte of what could be a header", () => {
  const reader = new ProxyHeaderReader("auto", { address: "127.0.0.1", allowed: true });
  assert.equal(reader.started, false);
  reader.feed(Buffer.from("P"));
  assert.equal(reader.started, true);
});

test("it has started while the end of a block is skipped", () => {
  const reader = new ProxyHeaderReader("auto", { address: "127.0.0.1", allowed: true });
  reader.feed(Buffer.from(binaryHeader(0x20, 0x00, "", 10), "latin1"));
  assert.equal(reader.started, true);
});
