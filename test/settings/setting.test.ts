import assert from "node:assert/strict";
import { test } from "node:test";
import { string } from "../../src/settings/kinds.ts";
import { setting, summary } from "../../src/settings/setting.ts";

test("the summary is the first line of the text", () => {
  const entry = setting({
    section: "Security",
    flags: [],
    kind: string,
    default: null,
    onReload: "apply",
    doc: "One line.\n\nMore of them.\nAnd more.",
  });
  assert.equal(summary(entry), "One line.");
  assert.equal(summary({ ...entry, doc: "Only one" }), "Only one");
});
