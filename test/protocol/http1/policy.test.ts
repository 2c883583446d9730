import assert from "node:assert/strict";
import { test } from "node:test";
import { policyOf } from "./outcome.ts";

/** protocols §1.5 */
const LIMITS = [
  { settings: {}, requestLineBytesMax: 4094, fieldsMax: 100, fieldBytesMax: 8190, sectionBytesMax: 819204 },
  { settings: { limit_request_line: 8190 }, requestLineBytesMax: 8190, fieldsMax: 100, fieldBytesMax: 8190, sectionBytesMax: 819204 },
  { settings: { limit_request_line: 9000 }, requestLineBytesMax: 8190, fieldsMax: 100, fieldBytesMax: 8190, sectionBytesMax: 819204 },
  { settings: { limit_request_line: 0 }, requestLineBytesMax: 1048576, fieldsMax: 100, fieldBytesMax: 8190, sectionBytesMax: 819204 },
  {
    settings: { limit_request_fields: 0 },
    requestLineBytesMax: 4094,
    fieldsMax: 32768,
    fieldBytesMax: 8190,
    sectionBytesMax: 32768 * 8192 + 4,
  },
  {
    settings: { limit_request_fields: 40000 },
    requestLineBytesMax: 4094,
    fieldsMax: 32768,
    fieldBytesMax: 8190,
    sectionBytesMax: 32768 * 8192 + 4,
  },
  {
    settings: { limit_request_fields: 2, limit_request_field_size: 0 },
    requestLineBytesMax: 4094,
    fieldsMax: 2,
    fieldBytesMax: 8190,
    sectionBytesMax: 16388,
  },
  {
    settings: { limit_request_fields: 2, limit_request_field_size: 10 },
    requestLineBytesMax: 4094,
    fieldsMax: 2,
    fieldBytesMax: 10,
    sectionBytesMax: 28,
  },
];

for (const { settings, ...limits } of LIMITS) {
  test(`http1Policy works out the limits of ${JSON.stringify(settings)}`, () => {
    const { requestLineBytesMax, fieldsMax, fieldBytesMax, headerSection, trailerSection } = policyOf(settings);
    const sectionBytesMax = headerSection.bytesMax;
    assert.deepEqual({ requestLineBytesMax, fieldsMax, fieldBytesMax, sectionBytesMax }, limits);
    assert.equal(trailerSection.bytesMax, sectionBytesMax);
  });
}
