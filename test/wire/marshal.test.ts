import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DICT_END, DICT_START, marshalBytes, marshalKey, marshalText, ValuePrefix } from "../../src/wire/marshal.ts";
import { PYTHONS } from "../pythons.ts";
import { readInPython } from "./read-in-python.ts";

/** Any latin-1 text, with the lengths at which the format changes. */
const latin1 = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 }),
  fc
    .constantFrom(0, 1, 127, 128, 254, 255, 256, 257, 65535, 65536)
    .chain((length) => fc.constantFrom("x", "\xe9", "\0", "\xff").map((c) => c.repeat(length))),
);
const ascii = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 300 }),
  fc.constantFrom(255, 256).map((length) => "K".repeat(length)),
);

for (const { path: python, name: version } of PYTHONS) {
  test(`marshalText gives Python ${version} (${python}) the same characters`, () => {
    const texts = fc.sample(latin1, { numRuns: 2000, seed: 1 });
    assert.deepEqual(readInPython(python, texts.map(marshalText)), texts);
  });

  test(`a dict of marshalled keys and texts is the same dict in Python ${version} (${python})`, () => {
    const dicts = fc.sample(fc.dictionary(ascii, latin1, { maxKeys: 12 }), { numRuns: 500, seed: 2 });
    const marshalled = dicts.map(
      (dict) =>
        DICT_START +
        Object.entries(dict)
          .map(([key, value]) => marshalKey(key) + marshalText(value))
          .join("") +
        DICT_END,
    );
    assert.deepEqual(
      readInPython(python, marshalled),
      dicts.map((dict) => ({ ...dict })),
    );
  });

  test(`marshalText is exact beyond latin-1 too in Python ${version} (${python}): a unix socket's path may hold any character`, () => {
    const texts = ["/run/\u65e5\u672c.sock", "\u{1f984}"];
    assert.deepEqual(readInPython(python, texts.map(marshalText)), texts);
  });
}

test("what is marshalled is latin-1 text: one character for each byte", () => {
  fc.assert(fc.property(latin1, (text) => ![...marshalText(text)].some((character) => character > "\xff")));
});

test("a prefix with its value is what both are one after the other, whatever the lengths before", () => {
  // Few lengths, so that the same one often comes again.
  const text = fc.oneof(
    latin1,
    ascii.map((one) => one.slice(0, 3)),
    fc.constantFrom("", "abc", "\xe9bc"),
  );
  fc.assert(
    fc.property(ascii, fc.array(text, { maxLength: 20 }), (name, values) => {
      const [key, item] = [new ValuePrefix(marshalKey(name), "text"), new ValuePrefix(marshalBytes(name), "bytes")];
      for (const value of values) {
        assert.equal(key.followedBy(value), marshalKey(name) + marshalText(value));
        assert.equal(item.followedBy(value), marshalBytes(name) + marshalBytes(value));
      }
    }),
  );
});
