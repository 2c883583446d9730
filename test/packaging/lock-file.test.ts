/** `npm ci` refuses a lock file that leaves out what its packages name, even what is for other platforms only. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readProjectFile } from "../architecture/source-files.ts";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages }: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(readProjectFile("package-lock.json"));

test("the lock file has every package that is named in it", () => {
  const named = Object.values(packages).flatMap((each) =>
    Object.keys({ ...each.dependencies, ...each.devDependencies, ...each.optionalDependencies }),
  );
  assert.deepEqual(
    named.filter((name) => packages[`node_modules/${name}`]?.version === undefined),
    [],
  );
});

test("the lock file names no registry", () => {
  assert.deepEqual(
    Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined),
    [],
  );
});
