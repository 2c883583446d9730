import assert from "node:assert/strict";
import { test } from "node:test";
import { LINE_BYTES_MAX, parseTextLine } from "../../../src/protocol/proxy/text-line.ts";

const FULL = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

const INET = [
  { line: "PROXY TCP4 192.0.2.1 198.51.100.2 40001 443", seen: ["TCP4", "192.0.2.1", 40001, "198.51.100.2", 443] },
  { line: "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535", seen: ["TCP4", "0.0.0.0", 0, "255.255.255.255", 65535] },
  { line: "PROXY TCP6 2001:db8::1 ::2 1 2", seen: ["TCP6", "2001:db8::1", 1, "::2", 2] },
  { line: "PROXY TCP6 2001:DB8::A ::ffff:192.0.2.1 1 2", seen: ["TCP6", "2001:DB8::A", 1, "::ffff:192.0.2.1", 2] },
  { line: `PROXY TCP6 ${FULL} ${FULL} 65535 65535`, seen: ["TCP6", FULL, 65535, FULL, 65535] },
] as const;

for (const { line, seen } of INET) {
  test(`"${line}" names both ends`, () => {
    const [protocol, clientAddress, clientPort, proxyAddress, proxyPort] = seen;
    assert.deepEqual(parseTextLine(line), { protocol, addresses: { clientAddress, clientPort, proxyAddress, proxyPort } });
  });
}

for (const line of ["PROXY UNKNOWN", "PROXY UNKNOWN ", `PROXY UNKNOWN ${FULL} ${FULL} 65535 65535`, "PROXY UNKNOWN \0\xff what ever"]) {
  test(`${JSON.stringify(line)} leaves the connection's own addresses`, () => {
    assert.deepEqual(parseTextLine(line), { protocol: "UNKNOWN", addresses: undefined });
  });
}

test("the longest line that the spec knows is as long as the limit", () => {
  assert.equal(`PROXY UNKNOWN ${FULL} ${FULL} 65535 65535\r\n`.length, LINE_BYTES_MAX);
});

/** Gunicorn's texts: the line, or what is wrong with it. */
const REFUSED = [
  { name: "no protocol", line: "PROXY ", says: "'PROXY '" },
  { name: "too few words", line: "PROXY TCP4 192.0.2.1 192.0.2.2 1" },
  { name: "too many words", line: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3" },
  { name: "two spaces", line: "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2" },
  { name: "a tab", line: "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2", says: "'PROXY TCP4\\t192.0.2.1 192.0.2.2 1 2'" },
  { name: "a space at the end", line: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 " },
  { name: "lower case", line: "PROXY tcp4 192.0.2.1 192.0.2.2 1 2", says: `"protocol 'tcp4' not supported"` },
  { name: "UDP", line: "PROXY UDP4 192.0.2.1 192.0.2.2 1 2", says: `"protocol 'UDP4' not supported"` },
  { name: "UNKNOWN with a tail", line: "PROXY UNKNOWNS a b 1 2", says: `"protocol 'UNKNOWNS' not supported"` },
  { name: "IPv6 as TCP4", line: "PROXY TCP4 ::1 192.0.2.2 1 2" },
  { name: "IPv4 as TCP6", line: "PROXY TCP6 ::1 192.0.2.2 1 2" },
  { name: "an octet of 256", line: "PROXY TCP4 192.0.2.256 192.0.2.2 1 2" },
  { name: "a heading zero in an octet", line: "PROXY TCP4 192.0.2.01 192.0.2.2 1 2" },
  { name: "three octets", line: "PROXY TCP4 192.0.2 192.0.2.2 1 2" },
  { name: "a name", line: "PROXY TCP4 localhost 192.0.2.2 1 2" },
  { name: "a zone", line: "PROXY TCP6 fe80::1%eth0 ::2 1 2" },
  { name: "two gaps", line: "PROXY TCP6 1::2::3 ::2 1 2" },
  ...["65536", "-1", "+1", "08", "00", "8_0", "1e3", "0x50", "443\r", " 1", "x", "\xb2", "99999999999999999999"].map((bad) => ({
    name: `the port ${JSON.stringify(bad)}`,
    line: `PROXY TCP4 192.0.2.1 192.0.2.2 ${bad} 2`,
    ...(bad === " 1" ? {} : { says: /^'invalid port PROXY TCP4 192\.0\.2\.1 192\.0\.2\.2 .* 2'$/ }),
  })),
  { name: "a bad port of the proxy", line: "PROXY TCP4 192.0.2.1 192.0.2.2 1 ", says: "'invalid port PROXY TCP4 192.0.2.1 192.0.2.2 1 '" },
];

for (const { name, line, says = `'${line}'` } of REFUSED) {
  test(`a line with ${name} is refused`, () => {
    assert.throws(
      () => parseTextLine(line),
      (error: Error) => {
        const shown = error.message.replace(/^Invalid PROXY line: /, "");
        if (typeof says === "string") assert.equal(shown, says);
        else assert.match(shown, says);
        assert.deepEqual(
          { ...error, message: error.message },
          { name: "ProtocolError", code: "bad-proxy-header", pageText: `'${error.message}'`, message: `Invalid PROXY line: ${shown}` },
        );
        return true;
      },
    );
  });
}
