import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  isTruthy,
  NONE,
  type PyValue,
  parseInteger,
  pythonValue,
  repr,
  reprString,
  str,
  strip,
  typeName,
} from "../../src/base/python-repr.ts";

interface Vectors {
  readonly repr: readonly (readonly [string, string])[];
  readonly int: readonly (readonly [string, 0 | 10, string | null])[];
  readonly strip: readonly (readonly [string, string])[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors/python-text.json", import.meta.url), "utf8"));

test("reprString writes what Python's repr writes", () => {
  for (const [text, expected] of vectors.repr) assert.equal(reprString(text), expected);
});

test("parseInteger reads what Python's int reads", () => {
  for (const [text, base, expected] of vectors.int) {
    assert.equal(parseInteger(text, base)?.toString() ?? null, expected, `int(${JSON.stringify(text)}, ${base})`);
  }
});

test("strip removes what Python's strip removes", () => {
  for (const [text, expected] of vectors.strip) assert.equal(strip(text), expected);
});

const moduleOs: PyValue = { t: "object", type: "module", text: "<module 'os'>", name: "os", callable: false };

const VALUES: readonly { value: PyValue; repr: string; str?: string; type: string; truthy: boolean }[] = [
  { value: NONE, repr: "None", type: "NoneType", truthy: false },
  { value: { t: "bool", v: true }, repr: "True", type: "bool", truthy: true },
  { value: { t: "int", v: "0" }, repr: "0", type: "int", truthy: false },
  { value: { t: "float", v: "1.5" }, repr: "1.5", type: "float", truthy: true },
  { value: { t: "str", v: "a'b" }, repr: `"a'b"`, str: "a'b", type: "str", truthy: true },
  { value: { t: "list", v: [NONE, moduleOs] }, repr: "[None, <module 'os'>]", type: "list", truthy: true },
  { value: { t: "tuple", v: [NONE] }, repr: "(None,)", type: "tuple", truthy: true },
  { value: { t: "tuple", v: [] }, repr: "()", type: "tuple", truthy: false },
  { value: { t: "dict", v: [[pythonValue("a"), pythonValue(1)]] }, repr: "{'a': 1}", type: "dict", truthy: true },
  { value: moduleOs, repr: "<module 'os'>", type: "module", truthy: true },
];

for (const { value, repr: text, str: plain = text, type, truthy } of VALUES) {
  test(`${text} prints, names its type and is ${truthy} as in Python`, () => {
    assert.deepEqual([repr(value), str(value), typeName(value), isTruthy(value)], [text, plain, type, truthy]);
  });
}

test("pythonValue makes numbers ints and arrays lists of strings", () => {
  assert.equal(repr(pythonValue(["a", "b"])), "['a', 'b']");
  assert.equal(repr(pythonValue(null)), "None");
  assert.equal(repr(pythonValue(false)), "False");
  assert.equal(pythonValue(moduleOs), moduleOs);
});
