import assert from "node:assert/strict";
import { test } from "node:test";
import { isRequestId, traceIdOf, withEcho } from "../../src/request/request-id.ts";

test("what may be an id", () => {
  for (const value of ["a", "7b9f-42_x.y~z", "Root=1-67891233-abcdef012345678912345678;Self=1", "a/b+c==", "x".repeat(200)])
    assert.ok(isRequestId(value), value);
  for (const value of ["", " a", "a b", 'a"', "a\nb", "a,b", "\u00e9", "a\0", "<a>", "x".repeat(201)])
    assert.ok(!isRequestId(value), JSON.stringify(value));
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

test("traceparent: the examples of W3C Trace Context, and what §3.2 calls invalid", () => {
  assert.equal(traceIdOf(`00-${TRACE}-00f067aa0ba902b7-01`), TRACE);
  assert.equal(traceIdOf(`cc-${TRACE}-00f067aa0ba902b7-01-what-the-future-will-be`), TRACE, "a later version may go on");
  for (const value of [
    "",
    TRACE,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7-01-more`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-00f067aa0ba902b7-1`,
    `cc-${TRACE}-00f067aa0ba902b7-01.more`,
  ])
    assert.equal(traceIdOf(value), undefined, value);
});

test("the echo stands behind the application's fields, unless it sends one itself", () => {
  const echo = "X-Request-ID: 1\r\n";
  assert.equal(withEcho("", echo), echo);
  assert.equal(withEcho("A: 1\r\n", echo), `A: 1\r\n${echo}`);
  assert.equal(withEcho("x-request-id: 2\r\n", echo), "x-request-id: 2\r\n");
  assert.equal(withEcho("A: 1\r\nX-REQUEST-ID: 2\r\n", echo), "A: 1\r\nX-REQUEST-ID: 2\r\n");
  assert.equal(withEcho("A: x-request-id: 2\r\n", echo), `A: x-request-id: 2\r\n${echo}`, "a value is no name");
});
