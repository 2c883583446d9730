import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prefixLines } from "../../../src/protocol/http1/prefix-lines.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";

test("prefixLines writes Gunicorn's lines in Gunicorn's order (protocols §3.1)", () => {
  assert.equal(
    prefixLines("HTTP/1.1", "200 OK", DATE, false, true),
    `HTTP/1.1 200 OK\r\nServer: tunicorn\r\nDate: ${DATE}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n`,
  );
});

test("what prefixLines keeps is what it would make", () => {
  const call = fc.tuple(
    fc.constantFrom("HTTP/1.0", "HTTP/1.1"),
    fc.constantFrom("200 OK", "200", "404 Not Found", `200 ${"x".repeat(252)}`, `200 ${"x".repeat(253)}`),
    fc.constantFrom(DATE, DATE.replace("37", "38")),
    fc.boolean(),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(call), (calls) => {
      for (const [protocol, status, date, keepAlive, chunked] of calls) {
        const lines = [`${protocol} ${status}`, "Server: tunicorn", `Date: ${date}`, `Connection: ${keepAlive ? "keep-alive" : "close"}`];
        if (chunked) lines.push("Transfer-Encoding: chunked");
        assert.equal(prefixLines(protocol, status, date, keepAlive, chunked), lines.map((line) => `${line}\r\n`).join(""));
      }
    }),
  );
});
