import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isIpv6, PeerAllowList, parseIpNetwork } from "../../src/base/ip-network.ts";

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

test("isIpv6 takes addresses only", () => {
  assert.ok(isIpv6("2001:db8::1"));
  assert.ok(!isIpv6("127.0.0.1") && !isIpv6("host") && !isIpv6("fe80::1%eth0"));
});
