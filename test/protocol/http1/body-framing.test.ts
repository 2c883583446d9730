import assert from "node:assert/strict";
import { test } from "node:test";
import { type FramingField, requestFraming } from "../../../src/protocol/http1/body-framing.ts";

const length = (value: string): FramingField => ({ kind: "content-length", value });
const codings = (value: string): FramingField => ({ kind: "transfer-encoding", value });

const FRAMED = [
  { name: "no field", fields: [], version: 11, framing: { kind: "none" }, compressed: false },
  { name: "Content-Length: 0", fields: [length("0")], version: 11, framing: { kind: "none" }, compressed: false },
  { name: "Content-Length: 7 in HTTP/1.0", fields: [length("7")], version: 10, framing: { kind: "length", bytes: 7 }, compressed: false },
  { name: "chunked", fields: [codings("chunked")], version: 11, framing: { kind: "chunked" }, compressed: false },
  {
    name: "gzip, then chunked in a field of its own",
    fields: [codings("gzip"), codings("chunked")],
    version: 12,
    framing: { kind: "chunked" },
    compressed: true,
  },
];

for (const { name, fields, version, framing, compressed } of FRAMED) {
  test(`requestFraming: ${name}`, () => assert.deepEqual(requestFraming(fields, version), { framing, compressed }));
}

/** protocols §1.7 and §9.1; where two faults meet, Gunicorn's order decides. */
const REFUSED = [
  { name: "two equal Content-Lengths", fields: [length("5"), length("5")], version: 11, code: "bad-content-length" },
  { name: "Content-Length and chunked", fields: [length("5"), codings("chunked")], version: 11, code: "bad-content-length" },
  { name: "chunked and Content-Length", fields: [codings("chunked"), length("5")], version: 11, code: "bad-content-length" },
  {
    name: "chunked and a Content-Length that is no number",
    fields: [codings("chunked"), length("x")],
    version: 11,
    code: "bad-content-length",
  },
  { name: "chunked in HTTP/1.0", fields: [codings("chunked")], version: 10, code: "bad-transfer-encoding" },
  { name: "a coding that does not end in chunked", fields: [codings("gzip")], version: 11, code: "bad-transfer-encoding" },
  {
    name: "identity alone beside a Content-Length",
    fields: [codings("identity"), length("5")],
    version: 11,
    code: "bad-transfer-encoding",
  },
  { name: "chunked in two fields", fields: [codings("chunked"), codings("chunked")], version: 11, code: "bad-transfer-encoding" },
  {
    name: "a repeated length before an unknown coding",
    fields: [length("1"), length("1"), codings("x")],
    version: 11,
    code: "bad-content-length",
  },
  {
    name: "an unknown coding before a repeated length",
    fields: [codings("x"), length("1"), length("1")],
    version: 11,
    code: "unsupported-transfer-coding",
  },
];

for (const { name, fields, version, code } of REFUSED) {
  test(`requestFraming refuses ${name} (RFC 9112 §6.3)`, () => assert.throws(() => requestFraming(fields, version), { code }));
}
