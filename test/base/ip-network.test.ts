import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ipv4Text, ipv6Text, isIpv4, isIpv6, PeerAllowList, parseIpNetwork } from "../../src/base/ip-network.ts";

interface Vectors {
  readonly parse: readonly { readonly text: string; readonly value?: string; readonly error?: string }[];
  /** Network, and the peers that are in it. */
  readonly matches: readonly (readonly [string, readonly string[]])[];
  readonly peers: readonly string[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors/ip-network.json", import.meta.url), "utf8"));

for (const { text, value, error } of vectors.parse) {
  test(`parseIpNetwork ${value === undefined ? "refuses" : "takes"} ${JSON.stringify(text)}`, () => {
    if (value === undefined) assert.throws(() => parseIpNetwork(text), { message: error });
    else assert.deepEqual(parseIpNetwork(text), parseIpNetwork(value));
  });
}

for (const [network, inside] of vectors.matches) {
  test(`${network} holds the peers that Python finds in it`, () => {
    const list = new PeerAllowList([network]);
    assert.deepEqual(
      vectors.peers.filter((peer) => list.matches(peer)),
      inside,
    );
  });
}

test("* allows everybody, an empty list nobody", () => {
  assert.ok(new PeerAllowList(["::1", "*"]).matches("8.8.8.8"));
  assert.ok(!new PeerAllowList([]).matches("127.0.0.1"));
});

test("a peer's zone does not keep it out of its network", () => assert.ok(new PeerAllowList(["fe80::/64"]).matches("fe80::1%eth0")));

test("isIpv4 takes addresses only", () => {
  assert.ok(isIpv4("127.0.0.1") && isIpv4("0.0.0.0"));
  assert.ok(!isIpv4("::1") && !isIpv4("host") && !isIpv4("127.0.0.01") && !isIpv4("1.2.3") && !isIpv4("1.2.3.256"));
});

test("ipv4Text", () => {
  assert.equal(ipv4Text(Buffer.from([255, 0, 128, 1])), "255.0.128.1");
});

/** What Python's `socket.inet_ntop` says. */
const IPV6_TEXTS = [
  { hex: "00000000000000000000000000000000", text: "::" },
  { hex: "00000000000000000000000000000001", text: "::1" },
  { hex: "20010db8000000000000000000000001", text: "2001:db8::1" },
  { hex: "20010db8000000010001000100010001", text: "2001:db8:0:1:1:1:1:1" },
  { hex: "20010db800000000000100000000ABCD", text: "2001:db8::1:0:0:abcd" },
  { hex: "00010000000000000000000000000000", text: "1::" },
  { hex: "00000000000000000000ffffc0000201", text: "::ffff:192.0.2.1" },
  { hex: "00000000000000000000ffff00000000", text: "::ffff:0.0.0.0" },
  { hex: "00000000000000000000000001020304", text: "::1.2.3.4" },
  { hex: "00000000000000000000000000010000", text: "::0.1.0.0" },
  { hex: "0000000000000000000000000000ffff", text: "::ffff" },
  { hex: "00000000000000000000fffe01020304", text: "::fffe:102:304" },
  { hex: "00000000000000000001ffff01020304", text: "::1:ffff:102:304" },
];

for (const { hex, text } of IPV6_TEXTS) {
  test(`ipv6Text: ${text}`, () => assert.equal(ipv6Text(Buffer.from(hex, "hex")), text));
}

test("isIpv6 takes addresses only", () => {
  assert.ok(isIpv6("2001:db8::1"));
  assert.ok(!isIpv6("127.0.0.1") && !isIpv6("host") && !isIpv6("fe80::1%eth0"));
});

test("an address found as it was written is found by the networks too, and no other is", () => {
  const octet = fc.constantFrom(0, 1, 10, 127, 128, 255);
  const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const ipv6 = fc.constantFrom("::1", "::", "fe80::1", "2001:db8::1", "2001:DB8::1", "2001:db8:0:0::1", "::ffff:10.0.0.1");
  const address = fc.oneof(ipv4, ipv6);
  const whole = (entry: string) => `${entry}/${entry.includes(":") ? 128 : 32}`;
  fc.assert(
    fc.property(fc.array(address, { maxLength: 4 }), address, (entries, peer) => {
      assert.equal(new PeerAllowList(entries).matches(peer), new PeerAllowList(entries.map(whole)).matches(peer));
    }),
  );
});
