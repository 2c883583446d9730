import assert from "node:assert/strict";
import { test } from "node:test";
import * as refusals from "../../../src/protocol/http1/refusals.ts";

/** protocols §1.9: what is logged, and what the page says. */
const TEXTS = [
  {
    error: refusals.invalidRequestLine("GET\t/"),
    message: "Invalid HTTP request line: 'GET\\t/'",
    page: "Invalid Request Line 'Invalid HTTP request line: 'GET\\t/''",
  },
  {
    error: refusals.invalidMethod("g\xe9"),
    message: "Invalid HTTP method: 'g\xe9'",
    page: "Invalid Method 'Invalid HTTP method: 'g\xe9''",
  },
  {
    error: refusals.malformedVersion("HTTP/x"),
    message: "Invalid HTTP Version: 'HTTP/x'",
    page: "Invalid HTTP Version 'Invalid HTTP Version: 'HTTP/x''",
  },
  {
    error: refusals.unsupportedVersion(2, 0),
    message: "Invalid HTTP Version: (2, 0)",
    page: "Invalid HTTP Version 'Invalid HTTP Version: (2, 0)'",
  },
  {
    error: refusals.requestLineTooLong(5000, 4094),
    message: "Request Line is too large (5000 > 4094)",
    page: "Request Line is too large (5000 > 4094)",
  },
  { error: refusals.invalidHeader("it's"), message: 'Invalid HTTP Header: "it\'s"', page: 'Invalid HTTP Header: "it\'s"' },
  { error: refusals.invalidHeaderName("A\0"), message: "Invalid HTTP header name: 'A\\x00'", page: "Invalid HTTP header name: 'A\\x00'" },
  {
    error: refusals.obsoleteFolding("A"),
    message: "Obsolete line folding is unacceptable: 'A'",
    page: "Obsolete line folding is unacceptable: 'A'",
  },
  {
    error: refusals.headersTooLarge("max buffer headers"),
    message: "max buffer headers",
    page: "Error parsing headers: 'max buffer headers'",
  },
  { error: refusals.contradictorySchemes(), message: "Contradictory scheme headers", page: "Contradictory scheme headers" },
  {
    error: refusals.expectationFailed("x"),
    message: "Unable to comply with expectation: 'x'",
    page: "Unable to comply with expectation: 'x'",
  },
  {
    error: refusals.unsupportedTransferCoding("br"),
    message: "Unsupported transfer coding: 'br'",
    page: "Unsupported transfer coding: 'br'",
  },
  {
    error: refusals.invalidChunkSize("5\n\xff'"),
    message: 'Invalid chunk size: b"5\\n\\xff\'"',
    page: 'Invalid chunk size: b"5\\n\\xff\'"',
  },
  {
    error: refusals.invalidChunkExtension("bare CR not allowed"),
    message: "Invalid chunk extension: bare CR not allowed",
    page: "Invalid chunk extension: bare CR not allowed",
  },
  {
    error: refusals.missingChunkTerminator("ab"),
    message: "Invalid chunk terminator is not '\\r\\n': b'ab'",
    page: "Invalid chunk terminator is not '\\r\\n': b'ab'",
  },
];

for (const { error, message, page } of TEXTS) {
  test(`${error.code} says ${message}`, () => {
    assert.equal(error.message, message);
    assert.equal(error.pageText, page);
  });
}
