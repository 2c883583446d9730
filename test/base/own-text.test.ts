import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ownText } from "../../src/base/own-text.ts";

test("ownText gives the same characters", () => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 });
  fc.assert(fc.property(latin1, latin1, (one, other) => assert.equal(ownText(one + other).slice(one.length), other)));
});
