import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { type HeaderName, headerName, headerNameBehind } from "../../src/request/header-name.ts";

const SPELLINGS = [
  { spelling: "Content-Type", lower: "content-type", environKey: "CONTENT_TYPE" },
  { spelling: "content-length", lower: "content-length", environKey: "CONTENT_LENGTH" },
  { spelling: "X-Forwarded-For", lower: "x-forwarded-for", environKey: "HTTP_X_FORWARDED_FOR" },
  { spelling: "SCRIPT_NAME", lower: "script_name", environKey: "HTTP_SCRIPT_NAME" },
];

for (const { spelling, lower, environKey } of SPELLINGS) {
  test(`headerName gives ${spelling} its environ key ${environKey}`, () => {
    const name = headerName(spelling);
    assert.equal(name?.lower, lower);
    assert.equal(name?.environKey, environKey);
    assert.equal(headerName(spelling), name, "the second look-up finds the same object");
  });
}

for (const spelling of ["", "a b", "a:", "a\u00e9", "a\0", "(x)"]) {
  test(`headerName refuses ${JSON.stringify(spelling)}`, () => assert.equal(headerName(spelling), undefined));
}

test("headerName keeps long names out of its table, and still answers", () => {
  const long = "x".repeat(65);
  assert.notEqual(headerName(long), headerName(long));
  assert.equal(headerName(long)?.lower, long);
});

/** Names as a few clients and one that invents them would send: few enough that most are found again, enough to fill the table. */
const spelling = fc.oneof(
  fc.constantFrom("Host", "host", "HOST", "Content-Type", "content-LENGTH", "X_Y", "x-y", "X-Y", "Cookie"),
  fc.nat(3000).map((number) => `X-Invented-${number}`),
  fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,70}$/),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 6 }),
);

function said(name: HeaderName | undefined): object | undefined {
  return name && { lower: name.lower, upper: name.upper, environKey: name.environKey, underscored: name.underscored };
}

/** What a name is, written for reading. */
function slowName(text: string): object | undefined {
  if (text === "" || [...text].some((character) => !/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(character))) return undefined;
  const upper = text.toUpperCase();
  const key = upper.split("-").join("_");
  const environKey = key === "CONTENT_TYPE" || key === "CONTENT_LENGTH" ? `${upper.includes("_") ? "HTTP_" : ""}${key}` : `HTTP_${key}`;
  return { lower: text.toLowerCase(), upper, environKey, underscored: text.includes("_") };
}

test("what headerName keeps is what it would make, while its table fills, is full and is forgotten", () => {
  fc.assert(
    fc.property(fc.array(spelling, { minLength: 100, maxLength: 400 }), (spellings) => {
      let before: HeaderName | undefined;
      for (const text of spellings) {
        assert.deepEqual(said(headerName(text)), slowName(text));
        const name = headerNameBehind(before, text);
        assert.deepEqual(said(name), slowName(text));
        before = name;
      }
    }),
    { numRuns: 60 },
  );
});

test("headerNameBehind gives the same object as headerName, whatever came behind the name before", () => {
  const first = headerName("X-First");
  for (const spelling of ["Host", "host", "Host", "Cookie"]) assert.equal(headerNameBehind(first, spelling), headerName(spelling));
  assert.equal(headerNameBehind(undefined, "Host"), headerName("Host"));
  assert.equal(headerNameBehind(first, "a b"), undefined);
  const long = headerName("x".repeat(65));
  assert.equal(headerNameBehind(long, "Host"), headerName("Host"));
  assert.equal(headerNameBehind(first, "x".repeat(65))?.lower, long?.lower);
});

test("headerName forgets all names when it knows 2048, and learns anew", () => {
  const first = headerName("X-First");
  for (let number = 0; number < 2048; number += 1) headerName(`X-Filler-${number}`);
  const again = headerName("X-First");
  assert.notEqual(again, first, "the table is bounded");
  assert.deepEqual(said(again), said(first));
  assert.equal(headerName("X-First"), again, "names are kept again, so that nobody can fill the table for good");
});

test("no chain of names grows behind one that somebody keeps", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const kept = headerName("X-First");
  const invent = (from: number) => {
    let before = kept;
    for (let number = from; number < from + 50_000; number += 1) before = headerNameBehind(before, `X-Chain-${number}`);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const first = invent(0);
  const grownBytes = invent(50_000) - first;
  assert.ok(grownBytes < 5_000_000, `${grownBytes} bytes for names that nobody keeps`);
  assert.equal(kept?.lower, "x-first");
});
