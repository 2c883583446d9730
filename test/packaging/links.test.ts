/** Links between the project's pages lead somewhere. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { filesUnder, PROJECT, readProjectFile } from "../architecture/source-files.ts";

const PAGES = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...filesUnder("docs", ".md")];
const LINK = /\]\(([^)\s]+)\)/g;

/** As GitHub makes a heading's anchor. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function anchorsOf(page: string): string[] {
  return [...readProjectFile(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));
}

for (const page of PAGES) {
  test(`the links of ${page} lead to files and headings that are there`, () => {
    const targets = [...readProjectFile(page).matchAll(LINK)].map(([, target = ""]) => target);
    const broken = targets.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(PROJECT, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
    assert.deepEqual(broken, []);
  });
}
