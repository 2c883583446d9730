import assert from "node:assert/strict";
import { test } from "node:test";
import { isPythonSupported, unsupportedPython } from "../../src/lifecycle/python-version.ts";

for (const [version, expected] of [
  ["3.10.0", true],
  ["3.14.0rc1", true],
  ["4.0", true],
  ["3.9.18", false],
  ["2.7.18", false],
  ["", false],
] as const) {
  test(`Python ${version || "without a version"} is ${expected ? "supported" : "refused"}`, () =>
    assert.equal(isPythonSupported(version), expected));
}

test("the refusal names the interpreter and what to do", () => {
  assert.equal(
    unsupportedPython("3.9.18", "/usr/bin/python3"),
    "Python 3.9.18 (/usr/bin/python3) is too old: 3.10 or later is needed, choose another with --python",
  );
});
