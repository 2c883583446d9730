import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { settingsManual } from "../../src/settings/index.ts";
import { ENTRIES } from "../../src/settings/table.ts";

const HOW = "docs/settings.md is not what the table says. Write it anew: npm run docs";

test("docs/settings.md is up to date", () => {
  assert.ok(readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8") === settingsManual(), HOW);
});

test("the manual has a heading for every setting", () => {
  const manual = settingsManual();
  for (const [name] of ENTRIES) assert.equal(manual.split(`### ${name}\n`).length, 2, name);
});
