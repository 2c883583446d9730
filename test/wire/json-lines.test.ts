import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeLine, LineReader } from "../../src/wire/json-lines.ts";

test("messages come out as they went in, wherever the text is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 30 }), (messages, cuts) => {
      const text = messages.map(encodeLine).join("");
      const read: unknown[] = [];
      const reader = new LineReader((message) => read.push(message));
      let at = 0;
      for (const cut of [...cuts, text.length]) {
        reader.feed(text.slice(at, at + cut));
        at += cut;
      }
      assert.deepEqual(read.map(encodeLine), messages.map(encodeLine));
    }),
  );
});

test("a line's end inside a text does not end the message", () => {
  const read: unknown[] = [];
  new LineReader((message) => read.push(message)).feed(encodeLine({ text: "a\nb" }));
  assert.deepEqual(read, [{ text: "a\nb" }]);
});

test("a line that is not JSON is refused", () => {
  const reader = new LineReader(() => {});
  assert.throws(() => reader.feed("{oops}\n"), SyntaxError);
});

test("a line without an end is refused once it is longer than any message", () => {
  const reader = new LineReader(() => {});
  const piece = "x".repeat(1024 * 1024);
  assert.throws(() => {
    for (let i = 0; i < 17; i++) reader.feed(piece);
  }, /longer than 16777216/);
});
