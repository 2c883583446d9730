import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "../../src/settings/setting.ts";
import { ENTRIES, isSettingName } from "../../src/settings/table.ts";
import { recorded } from "./table/against-gunicorn.ts";

const theirs = ENTRIES.filter(([, entry]) => entry.ours !== true);

test("the table holds Gunicorn's 120 settings in Gunicorn's order, then ours", () => {
  assert.equal(theirs.length, 120);
  assert.deepEqual(
    theirs.map(([name]) => name),
    recorded.map(({ name }) => name),
  );
  assert.deepEqual(ENTRIES.slice(0, 120), theirs);
});

test("no option string stands for two settings", () => {
  const flags = ENTRIES.flatMap(([, entry]) => entry.flags);
  assert.equal(new Set([...flags, "-h", "--help", "-v", "--version"]).size, flags.length + 4);
});

test("every setting has a text of one line first", () => {
  for (const [name, entry] of ENTRIES) {
    assert.match(summary(entry), /^\S.*\S$/, name);
    assert.ok(entry.doc.includes("\n") ? entry.doc.startsWith(`${summary(entry)}\n\n`) : true, name);
  }
});

test("isSettingName takes names of the table only", () => {
  assert.ok(isSettingName("bind"));
  assert.ok(!isSettingName("BIND") && !isSettingName("toString") && !isSettingName("__proto__"));
});
