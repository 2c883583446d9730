import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldSink, parseFieldLines } from "../../../src/protocol/http1/field-lines.ts";
import { type GunicornSettings, policyOf } from "./outcome.ts";

/** Keeps all fields as `"NAME=value"`. */
class Keeper implements FieldSink {
  readonly fields: string[] = [];
  readonly forbidden: ReadonlySet<string>;

  constructor(forbidden: readonly string[] = []) {
    this.forbidden = new Set(forbidden);
  }

  get kept(): number {
    return this.fields.length;
  }

  add(name: { upper: string }, value: string): void {
    this.fields.push(`${name.upper}=${value}`);
  }
}

function parse(section: string, settings: GunicornSettings = {}): string[] {
  const keeper = new Keeper();
  parseFieldLines(section, policyOf(settings), keeper);
  return keeper.fields;
}

const FOLDING = { permit_obsolete_folding: true };

/** protocols §1.4, by the number of the rule. */
const READ = [
  { name: "nothing", section: "", settings: {}, fields: [] },
  { name: "repeats and order", section: "A: 1\r\nB: 2\r\na: 3\r\n", settings: {}, fields: ["A=1", "B=2", "A=3"] },
  { name: "blanks around the value (9)", section: "A:\t b c \t\r\nB:\r\nC:  \r\n", settings: {}, fields: ["A=b c", "B=", "C="] },
  { name: "HTAB and 8-bit in the value (11)", section: "A: a\tb\x80\xa0\xff\r\n", settings: {}, fields: ["A=a\tb\x80\xa0\xff"] },
  { name: "a colon in the value", section: "Host: h:80\r\n", settings: {}, fields: ["HOST=h:80"] },
  { name: "a blank before the colon when stripped (5)", section: "A \t: b\r\n", settings: { strip_header_spaces: true }, fields: ["A=b"] },
  { name: "a folded value (10)", section: "A: 1 \r\n\t 2\r\n  3\r\nB: 4\r\n", settings: FOLDING, fields: ["A=1 2 3", "B=4"] },
  { name: "a folded line of blanks (10)", section: "A: 1\r\n  \r\n", settings: FOLDING, fields: ["A=1 "] },
];

for (const { name, section, settings, fields } of READ) {
  test(`parseFieldLines reads ${name}`, () => assert.deepEqual(parse(section, settings), fields));
}

const REFUSED = [
  { name: "no colon (4)", section: "A b\r\nC: d\r\n", settings: {}, message: "Invalid HTTP Header: 'A b'" },
  { name: "no name (4)", section: ": b\r\n", settings: {}, message: "Invalid HTTP Header: ': b'" },
  { name: "a blank before the colon (6)", section: "A : b\r\n", settings: {}, message: "Invalid HTTP header name: 'A '" },
  { name: "a leading blank on the first line (6)", section: " A: b\r\n", settings: FOLDING, message: "Invalid HTTP header name: ' A'" },
  { name: "an 8-bit name (6, 7)", section: "\xdf: b\r\n", settings: {}, message: "Invalid HTTP header name: '\xdf'" },
  { name: "NUL in the name (6)", section: "A\0: b\r\n", settings: {}, message: "Invalid HTTP header name: 'A\\x00'" },
  { name: "a folded line (10)", section: "a: b\r\n c\r\n", settings: {}, message: "Obsolete line folding is unacceptable: 'A'" },
  { name: "NUL in the value (11)", section: "a: \0\r\n", settings: {}, message: "Invalid HTTP Header: 'A'" },
  { name: "a bare CR in the value (11)", section: "a: b\rc\r\n", settings: {}, message: "Invalid HTTP Header: 'A'" },
  { name: "VT at the end of the value (9, 11)", section: "a: b\x0b\r\n", settings: {}, message: "Invalid HTTP Header: 'A'" },
  { name: "DEL in the value (11)", section: "a: \x7f\r\n", settings: {}, message: "Invalid HTTP Header: 'A'" },
  { name: "NUL in a folded part (11)", section: "a: b\r\n \0\r\n", settings: FOLDING, message: "Invalid HTTP Header: 'A'" },
];

for (const { name, section, settings, message } of REFUSED) {
  test(`parseFieldLines refuses ${name}`, () => assert.throws(() => parse(section, settings), { message }));
}

test("a line as long as limit_request_field_size is taken, one byte more is not (12)", () => {
  assert.deepEqual(parse("A: 45678\r\n", { limit_request_field_size: 10 }), ["A=45678"]);
  assert.throws(() => parse("A: 456789\r\n", { limit_request_field_size: 10 }), {
    code: "headers-too-large",
    message: "limit request headers fields size",
  });
});

test("folded lines count together (10)", () => {
  const settings = { ...FOLDING, limit_request_field_size: 14 };
  assert.deepEqual(parse("A: 1\r\n 2345\r\n", { ...settings, limit_request_field_size: 13 }), ["A=1 2345"]);
  assert.throws(() => parse("A: 1\r\n 2345\r\n 6\r\n", settings), { code: "headers-too-large" });
});

test("as many fields as limit_request_fields are taken, the next line is refused whatever it is (3)", () => {
  assert.equal(parse("A: 1\r\nB: 2\r\n", { limit_request_fields: 2 }).length, 2);
  assert.throws(() => parse("A: 1\r\nB: 2\r\nnonsense\r\n", { limit_request_fields: 2 }), {
    code: "headers-too-large",
    message: "limit request headers fields",
  });
});

test("a forbidden name is refused before its value is looked at (8)", () => {
  assert.throws(() => parseFieldLines("Te: \0\r\n", policyOf({}), new Keeper(["TE"])), { message: "Invalid HTTP header name: 'TE'" });
});
