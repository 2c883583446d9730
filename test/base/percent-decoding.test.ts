import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { percentDecode } from "../../src/base/percent-decoding.ts";

const CASES = [
  { text: "/plain", decoded: "/plain" },
  { text: "/a%20b", decoded: "/a b" },
  { text: "%c3%A9", decoded: "\u00c3\u00a9" },
  { text: "%00", decoded: "\0" },
  { text: "%", decoded: "%" },
  { text: "%4", decoded: "%4" },
  { text: "%4g%zz", decoded: "%4g%zz" },
  { text: "%%41", decoded: "%A" },
  { text: "%2541", decoded: "%41" },
  { text: "a+b", decoded: "a+b" },
];

for (const { text, decoded } of CASES) {
  test(`percentDecode turns ${JSON.stringify(text)} into ${JSON.stringify(decoded)}`, () => assert.equal(percentDecode(text), decoded));
}

test("every byte comes back from its escape", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.boolean(), (bytes, upper) => {
      const hex = (byte: number) => byte.toString(16).padStart(2, "0");
      const escaped = [...bytes].map((byte) => `%${upper ? hex(byte).toUpperCase() : hex(byte)}`).join("");
      assert.equal(percentDecode(escaped), Buffer.from(bytes).toString("latin1"));
    }),
  );
});
