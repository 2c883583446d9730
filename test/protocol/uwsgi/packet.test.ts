import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readPacketHeader, readVars, VARS_MAX } from "../../../src/protocol/uwsgi/packet.ts";
import { varsBlock } from "./packets.ts";

const HEADERS = [
  { name: "no variables", bytes: [0, 0, 0, 0], size: 0 },
  { name: "the low byte first", bytes: [0, 0x34, 0x12, 0], size: 0x1234 },
  { name: "the most there can be", bytes: [0, 0xff, 0xff, 0], size: 65535 },
  { name: "a modifier2, which says nothing to us", bytes: [0, 1, 0, 255], size: 1 },
];

for (const { name, bytes, size } of HEADERS) {
  test(`a packet's header: ${name}`, () => assert.equal(readPacketHeader(Buffer.from([9, ...bytes]), 1), size));
}

for (const modifier of [1, 5, 71, 255]) {
  test(`modifier1 ${modifier} is refused`, () =>
    assert.throws(() => readPacketHeader(Buffer.of(modifier, 0, 0, 0), 0), {
      code: "unsupported-uwsgi-modifier",
      message: `Unsupported uWSGI modifier1: ${modifier}`,
    }));
}

test("variables: empty ones, bytes over 127, and the last of a repeated key in the place of the first", () => {
  const block = varsBlock([
    ["A", "1"],
    ["", ""],
    ["B", "\xe9\x00\n"],
    ["A", "2"],
  ]);
  assert.deepEqual(
    [...readVars(block)],
    [
      ["A", "2"],
      ["", ""],
      ["B", "\xe9\x00\n"],
    ],
  );
});

const TRUNCATED = [
  { name: "half a key size", bytes: [1], message: "truncated key size" },
  { name: "a key size without key", bytes: [1, 0], message: "truncated key" },
  { name: "a key size behind the end", bytes: [0xff, 0xff, 65], message: "truncated key" },
  { name: "a key without value size", bytes: [1, 0, 65], message: "truncated value size" },
  { name: "half a value size", bytes: [1, 0, 65, 0], message: "truncated value size" },
  { name: "a value behind the end", bytes: [1, 0, 65, 2, 0, 66], message: "truncated value" },
  { name: "one byte behind the last variable", bytes: [1, 0, 65, 1, 0, 66, 0], message: "truncated key size" },
];

for (const { name, bytes, message } of TRUNCATED) {
  test(`variables with ${name} are refused`, () =>
    assert.throws(() => readVars(Buffer.from(bytes)), { code: "bad-uwsgi-packet", message: `Invalid uWSGI header: ${message}` }));
}

test("as many variables as there may be, and one more", () => {
  const many = Array.from({ length: VARS_MAX }, (_, at): [string, string] => [String(at), ""]);
  assert.equal(readVars(varsBlock(many)).size, VARS_MAX);
  // Gunicorn counts them before it looks at them: a repeated one counts too.
  assert.throws(() => readVars(varsBlock([...many, ["0", ""]])), { message: "Invalid uWSGI header: too many variables" });
});

test("whatever the bytes are, they are variables or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readVars(Buffer.from(bytes));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-uwsgi-packet");
      }
    }),
  );
});

test("variables come back as they were written", () => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(latin1, latin1), { selector: ([key]) => key, maxLength: 20 }), (entries) => {
      assert.deepEqual([...readVars(varsBlock(entries))], entries);
    }),
  );
});
