import assert from "node:assert/strict";
import { test } from "node:test";
import { launchDirectory } from "../../src/settings/surroundings.ts";
import { machine } from "./machine.ts";

test("the launch directory keeps the name of a symbolic link that PWD tells", () => {
  const isSameFile = (path: string, other: string) => path === "/srv/current" && other === "/srv/v1";
  assert.equal(launchDirectory(machine({ cwd: "/srv/v1", env: { PWD: "/srv/current" }, isSameFile })), "/srv/current");
  assert.equal(launchDirectory(machine({ cwd: "/srv/v1", env: { PWD: "/srv/old" }, isSameFile })), "/srv/v1");
  assert.equal(launchDirectory(machine({ cwd: "/srv/v1", isSameFile })), "/srv/v1");
});
