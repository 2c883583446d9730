import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, PASTE_GLOBALS } from "../../../src/settings/table/limits.ts";
import { settled } from "../machine.ts";
import { testAgainstGunicorn } from "./against-gunicorn.ts";

testAgainstGunicorn(LIMITS);
testAgainstGunicorn(PASTE_GLOBALS);

test("patterns may match nothing yet, files must exist", () => {
  assert.deepEqual(settled(["--reload-extra-file", "/nope/*.html", "--reload-extra-file", "/", "app"]).settings.reload_extra_files, [
    "/nope/*.html",
    "/",
  ]);
  assert.throws(() => settled(["--reload-extra-file", "/nope", "app"]), /Error: File \/nope does not exists\./);
});
