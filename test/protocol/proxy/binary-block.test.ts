import assert from "node:assert/strict";
import { test } from "node:test";
import { FIXED_BYTES, parseFixedPart } from "../../../src/protocol/proxy/binary-block.ts";
import { binaryHeader, IPV4_BLOCK, IPV6_BLOCK } from "./headers.ts";

function parse(versionAndCommand: number, combination: number, length: number) {
  return parseFixedPart(Buffer.from(binaryHeader(versionAndCommand, combination, "", length), "latin1"));
}

test("the fixed part has 16 bytes", () => assert.equal(FIXED_BYTES, 16));

const ADDRESSES = [
  { combination: 0x11, block: IPV4_BLOCK, protocol: "TCP4", client: "192.0.2.1", proxy: "198.51.100.2" },
  { combination: 0x21, block: IPV6_BLOCK, protocol: "TCP6", client: "2001:db8::1", proxy: "2001:db8::2" },
];

for (const { combination, block, protocol, client, proxy } of ADDRESSES) {
  test(`${protocol}: both ends, and what follows them`, () => {
    const parsed = parse(0x21, combination, block.length + 500);
    assert.deepEqual([parsed.protocol, parsed.addressesBytes, parsed.followingBytes], [protocol, block.length, block.length + 500]);
    // In the middle of a larger buffer, as sockets give them.
    const bytes = Buffer.from(`before${block}behind`, "latin1").subarray(6, 6 + block.length);
    assert.deepEqual(parsed.addresses(bytes), { clientAddress: client, clientPort: 40001, proxyAddress: proxy, proxyPort: 443 });
  });
}

const WITHOUT_ADDRESSES = [
  { name: "LOCAL", versionAndCommand: 0x20, combination: 0x00, protocol: "LOCAL" },
  { name: "LOCAL with a family", versionAndCommand: 0x20, combination: 0x11, protocol: "LOCAL" },
  { name: "LOCAL with a family that is none", versionAndCommand: 0x20, combination: 0xff, protocol: "LOCAL" },
  { name: "unspecified", versionAndCommand: 0x21, combination: 0x00, protocol: "UNSPEC" },
  { name: "a stream of an unspecified family", versionAndCommand: 0x21, combination: 0x01, protocol: "UNSPEC" },
  { name: "a unix stream", versionAndCommand: 0x21, combination: 0x31, protocol: "UNSPEC" },
];

for (const { name, versionAndCommand, combination, protocol } of WITHOUT_ADDRESSES) {
  for (const length of [0, 12, 216, 65535]) {
    test(`${name} with ${length} bytes: all are skipped, no address counts`, () => {
      const parsed = parse(versionAndCommand, combination, length);
      assert.deepEqual([parsed.protocol, parsed.addressesBytes, parsed.followingBytes], [protocol, 0, length]);
      assert.equal(parsed.addresses(Buffer.alloc(0)), undefined);
    });
  }
}

const REFUSED = [
  { versionAndCommand: 0x11, combination: 0x11, length: 12, says: "unsupported version 1" },
  { versionAndCommand: 0x00, combination: 0x11, length: 12, says: "unsupported version 0" },
  { versionAndCommand: 0xf1, combination: 0x11, length: 12, says: "unsupported version 15" },
  { versionAndCommand: 0x22, combination: 0x11, length: 12, says: "unsupported command 2" },
  { versionAndCommand: 0x2f, combination: 0x00, length: 0, says: "unsupported command 15" },
  { versionAndCommand: 0x21, combination: 0x12, length: 12, says: "only TCP protocol is supported" },
  { versionAndCommand: 0x21, combination: 0x22, length: 36, says: "only TCP protocol is supported" },
  { versionAndCommand: 0x21, combination: 0x32, length: 216, says: "only TCP protocol is supported" },
  { versionAndCommand: 0x21, combination: 0x10, length: 12, says: "only TCP protocol is supported" },
  { versionAndCommand: 0x21, combination: 0x13, length: 12, says: "only TCP protocol is supported" },
  { versionAndCommand: 0x21, combination: 0x41, length: 12, says: "unsupported address family 4" },
  { versionAndCommand: 0x21, combination: 0xf1, length: 12, says: "unsupported address family 15" },
  { versionAndCommand: 0x21, combination: 0x11, length: 11, says: "insufficient address data for IPv4" },
  { versionAndCommand: 0x21, combination: 0x11, length: 0, says: "insufficient address data for IPv4" },
  { versionAndCommand: 0x21, combination: 0x21, length: 35, says: "insufficient address data for IPv6" },
];

for (const { versionAndCommand, combination, length, says } of REFUSED) {
  test(`0x${versionAndCommand.toString(16)} 0x${combination.toString(16)} with ${length} bytes is refused: ${says}`, () => {
    const message = `Invalid PROXY header: ${says}`;
    assert.throws(() => parse(versionAndCommand, combination, length), { code: "bad-proxy-header", message, pageText: `'${message}'` });
  });
}
