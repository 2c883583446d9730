import assert from "node:assert/strict";
import { test } from "node:test";
import { MECHANICS } from "../../../src/settings/table/mechanics.ts";
import { machine, settled } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(MECHANICS);

test("user, group and directory are those of the start", () => {
  const { settings } = settled(["app"], [], machine({ uid: 5, gid: 6 }));
  assert.deepEqual([settings.user, settings.group, settings.chdir, settings.umask], [5, 6, "/", 0]);
});

test("umask is octal on the command line and an int in a file", () => {
  assert.equal(settled(["-m", "022", "app"]).settings.umask, 0o22);
  assert.equal(settled(["app"], [["umask", { t: "int", v: "18" }]]).settings.umask, 0o22);
});
