/** The page for those who come from Gunicorn names every setting that stops the start. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NOT_SUPPORTED_YET } from "../../src/settings/not-supported-yet.ts";
import { ENTRIES } from "../../src/settings/table.ts";
import { readProjectFile } from "../architecture/source-files.ts";

const [, refused = ""] = readProjectFile("docs/moving-from-gunicorn.md")
  .split(/^## /m)
  .filter((part) => !part.startsWith("What"));

test("every refused setting is on the page, and no other", () => {
  const hooks = ENTRIES.filter(([, { section }]) => section === "Server Hooks").map(([name]) => name as string);
  const isInGroup = (name: string) => hooks.includes(name) || name.startsWith("dirty_");
  const named = [...refused.matchAll(/^\| [^|]+ \|(.*)\|$/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
  );
  const expected = NOT_SUPPORTED_YET.filter((name) => !isInGroup(name));
  assert.deepEqual(named.filter((name) => !isInGroup(name)).sort(), [...expected].sort());
});
