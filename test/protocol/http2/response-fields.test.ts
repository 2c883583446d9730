import assert from "node:assert/strict";
import { test } from "node:test";
import { plainFields, responseFields } from "../../../src/protocol/http2/response-fields.ts";

const DATE = "Sat, 21 Nov 2026 00:00:00 GMT";

function shown(fields: ReturnType<typeof plainFields>): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

test("who serves and when, then the application's fields, lower case, repeats kept", () => {
  assert.deepEqual(shown(responseFields("Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty: \r\n", DATE)), [
    "server: tunicorn",
    `date: ${DATE}`,
    "content-type: text/plain",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "x-empty: ",
  ]);
});

test("fields of a connection of HTTP/1 are left out", () => {
  const lines = "Connection: x\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\nX-A: b\r\n";
  assert.deepEqual(shown(plainFields(lines)), ["x-a: b"]);
});

test("a length is left out where a response must not say one", () => {
  assert.deepEqual(shown(responseFields("Content-Length: 0\r\nX-A: b\r\n", DATE, false)).slice(2), ["x-a: b"]);
});

test("a line is made once, and so is a second's date", () => {
  const [, date, line] = responseFields("X-Once: a\r\n", DATE);
  assert.equal(plainFields("X-Once: a\r\n")[0], line);
  assert.equal(responseFields("", DATE)[1], date);
  assert.notEqual(responseFields("", "another")[1], date);
});

test("what is kept is what would be made, also after many lines have come", () => {
  const line = "X-Kept: a\r\n";
  const before = { ...plainFields(line)[0], slot: 0 };
  for (let i = 0; i < 5000; i += 1) plainFields(`X-Id: ${i}\r\n`);
  assert.deepEqual({ ...plainFields(line)[0], slot: 0 }, before);
});

test("long lines are not kept", () => {
  const line = `X-Long: ${"a".repeat(300)}\r\n`;
  assert.notEqual(plainFields(line)[0], plainFields(line)[0]);
});
