import assert from "node:assert/strict";
import { test } from "node:test";
import { absolutePath, extensionOf, joinPath, normalizePath } from "../../src/settings/posix-path.ts";
import { readVectors } from "./vectors.ts";

interface Vectors {
  readonly normalize: readonly (readonly [string, string])[];
  readonly join: readonly (readonly [string, string, string])[];
  readonly extension: readonly (readonly [string, string])[];
}

const vectors = readVectors<Vectors>("paths");

test("paths are normalized as Python's os.path does", () => {
  for (const [path, expected] of vectors.normalize) assert.equal(normalizePath(path), expected, path);
});

test("paths are joined as Python's os.path does", () => {
  for (const [base, path, expected] of vectors.join) assert.equal(joinPath(base, path), expected, `${base} + ${path}`);
});

test("extensions are those of Python's os.path", () => {
  for (const [name, expected] of vectors.extension) assert.equal(extensionOf(name), expected, name);
});

test("absolutePath starts from the base unless the path is absolute", () => {
  assert.equal(absolutePath("/srv/app", "../x"), "/srv/x");
  assert.equal(absolutePath("/srv/app", "/x/./y"), "/x/y");
});
